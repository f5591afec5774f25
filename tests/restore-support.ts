// What tests of a database that was taken back share: a backup of an app's database, and an app on what it brings back.

import { join } from "node:path";
import { createBackup } from "../src/backup.ts";
import { Progress } from "../src/progress.ts";
import { checkBackup, restoreBackup } from "../src/restore.ts";
import { type Api, createApi } from "./api-support.ts";
import { createFolder } from "./server.ts";
import { emptyDatabase } from "./support.ts";

const silent = () => new Progress({ write: () => {}, isTerminal: false, now: () => 0 });

/** Backs up the database of an app. What it returns gives it as it was then, behind an app of its own. */
export async function backUp({ url }: Api): Promise<() => Promise<Api>> {
  const path = join(createFolder(), "earlier.backup");
  await createBackup(url, path, silent());
  return async () => {
    const target = await emptyDatabase();
    await restoreBackup(target.url, path, await checkBackup(path, silent()), silent());
    return createApi({}, target);
  };
}
