// What tests of backups and of databases that were taken back share: backup and restore without a word, an app on what
// comes back, and digests of tables that are made by the database alone.

import { join } from "node:path";
import { readTables } from "../src/backup/tables.ts";
import { createBackup } from "../src/backup.ts";
import type { Sql, Tx } from "../src/db.ts";
import { withDatabase } from "../src/migrate/connection.ts";
import { Progress } from "../src/progress.ts";
import { checkBackup, restoreBackup } from "../src/restore.ts";
import { type Api, createApi } from "./api-support.ts";
import { createFolder } from "./server.ts";
import { emptyDatabase } from "./support.ts";

export const silent = () => new Progress({ write: () => {}, isTerminal: false, now: () => 0 });

export async function restore(url: string, path: string): Promise<void> {
  await restoreBackup(url, path, await checkBackup(path, silent()), silent());
}

/** Every table as a digest of its sorted rows, without what a restore begins anew: the history that devices are in. */
export async function digest(sql: Sql | Tx): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  await sql`SELECT set_config('TimeZone', 'UTC', true)`;
  for (const { name } of await readTables(sql)) {
    const [row] = await sql.unsafe<{ rows: string; md5: string }[]>(`
      SELECT count(*) AS rows, md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")) AS md5
      FROM (SELECT ${LINES[name] ?? "t::text"} AS line FROM public.${name} t) AS lines`);
    digests[name] = `${row?.rows} ${row?.md5}`;
  }
  return digests;
}

const LINES: Readonly<Record<string, string>> = {
  schema_metadata: "CASE WHEN t.key <> 'sync_epoch' THEN t::text END",
  sync_heads: "(t.user_id, t.change_no % 4294967296, t.profile_change_no, t.profile_changed_at)::text",
};

export const digestOf = (url: string) => withDatabase(url, sql => sql.begin(tx => digest(tx)));

/** Backs up the database of an app. What it returns gives it as it was then, behind an app of its own. */
export async function backUp({ url }: Api): Promise<() => Promise<Api>> {
  const path = join(createFolder(), "earlier.backup");
  await createBackup(url, path, silent());
  return async () => {
    const target = await emptyDatabase();
    await restore(target.url, path);
    return createApi({}, target);
  };
}
