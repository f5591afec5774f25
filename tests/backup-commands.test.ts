// Backup, restore, migrate verify, integrity and backup:compare as an operator runs them: programs of their own, beside a
// server that goes on serving, from the embedded database to a PostgreSQL server and back.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { openEmbedded } from "../src/embedded.ts";
import { newCard, toInit } from "./api-support.ts";
import { digestOf } from "./restore-support.ts";
import { createFolder, startProgram, startServer } from "./server.ts";
import { DATA_FOLDER, emptyDatabase } from "./support.ts";

setDefaultTimeout(120_000);

const OPEN = { REGISTRATION: "open", REGISTRATIONS_PER_HOUR: "0", RATE_LIMIT_PER_MINUTE: "0" };

type Env = Record<string, string>;

/** Runs a command to its end, which must be a good one; standard error has progress at most. */
async function succeed(env: Env, name: string, ...args: string[]): Promise<string> {
  const program = startProgram([`src/commands/${name}.ts`, ...args], { env });
  expect({ name, exitCode: await program.exited, output: program.stdout() + program.stderr() }).toMatchObject({
    exitCode: 0,
  });
  expect(program.stderr()).not.toMatch(/error|warning|fail/i);
  return program.stdout();
}

/** Members of a server who publish and pay each other until they are told to stop; every answer must be a good one. */
async function keepServerBusy(baseUrl: string) {
  const call = async (path: string, body: object, key?: string) => {
    const response = await fetch(
      baseUrl + path,
      toInit("POST", { key, body, headers: { "idempotency-key": crypto.randomUUID() } }),
    );
    if (response.status !== 201) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as { api_key: string };
  };
  const names = ["mira", "noor", "otto"].map(name => `${name}-${crypto.randomUUID().slice(0, 8)}`);
  const keys: string[] = [];
  for (const name of names) {
    keys.push((await call("/api/users", { username: name, email: `${name}@example.org` })).api_key);
  }
  let [isBusy, answered] = [true, 0];
  const writers = keys.map(async (key, no) => {
    while (isBusy) {
      await call(
        "/api/publish",
        { cards: [newCard({ content: `tab\t, line\n, \\. and \\N ${crypto.randomUUID()}` })] },
        key,
      );
      await call("/api/transfers", { to_user: names[(no + 1) % names.length], amount: "0.01" }, key);
      answered += 2;
      await Bun.sleep(5);
    }
  });
  return {
    answered: () => answered,
    stop: async () => {
      isBusy = false;
      await Promise.all(writers);
    },
  };
}

/** Backs up beside a busy server, and says how many requests were answered meanwhile. */
async function backUpBusy(env: Env, baseUrl: string, path: string): Promise<number> {
  const busy = await keepServerBusy(baseUrl);
  while (busy.answered() < 20) await Bun.sleep(10);
  const before = busy.answered();
  const stdout = await succeed(env, "backup", path);
  const meanwhile = busy.answered() - before;
  expect(stdout).toMatch(/^\S+\.backup: [\d,]+ rows of \d+ tables, [\d.]+ [kM]B, in [\d.]+ s\.\n$/);
  await busy.stop();
  return meanwhile;
}

async function restoreAndProve(env: Env, path: string): Promise<void> {
  const stdout = await succeed(env, "restore", path);
  expect(stdout).toMatch(/^Restored: [\d,]+ rows, as they were at \d{4}-\S+Z, in [\d.]+ s\.\n\n✓ /);
  expect(stdout).toContain("\n\nEverything is as it should be.\n");
  expect(await succeed(env, "backup-compare", path)).toMatch(/\n\nEqual: [\d,]+ rows of \d+ tables /);
}

/** What a check of the books leaves behind is another with each check; backup:compare looks at it. */
const withoutChecks = (digests: Record<string, string>) =>
  Object.fromEntries(Object.entries(digests).filter(([name]) => !name.startsWith("integrity_")));

test("from a busy embedded database to a PostgreSQL server, and from that busy server to an embedded one", async () => {
  const folder = createFolder();
  const [first, second] = [join(folder, "first.backup"), join(folder, "second.backup")];
  const embedded = { DATA_DIR: createFolder(DATA_FOLDER), ...OPEN };
  const server = await startServer(embedded);
  expect(await backUpBusy(embedded, server.baseUrl, first)).toBeGreaterThan(0);
  expect(await server.stop()).toBe(0);

  const target = { DATABASE_URL: (await emptyDatabase()).url, ...OPEN };
  await restoreAndProve(target, first);
  expect(await succeed(target, "migrate", "verify")).toEndWith("\n\nEverything is as it should be.\n");
  await succeed(target, "integrity");

  const restored = await startServer(target);
  expect(await backUpBusy(target, restored.baseUrl, second)).toBeGreaterThan(0);
  expect(await restored.stop()).toBe(0);
  const busy = startProgram(["src/commands/backup-compare.ts", second], { env: target });
  expect(await busy.exited).toBe(1);
  expect(busy.stdout()).toMatch(/\nNot what \S+ holds, made at \S+Z: .*cards, .*extropy_ledger.*\.\n$/);

  // Compared by the database itself as well, which needs a source that stands still.
  const third = join(folder, "third.backup");
  await succeed(target, "backup", third);
  const source = await digestOf(target.DATABASE_URL);
  const other = { DATA_DIR: createFolder(DATA_FOLDER) };
  await restoreAndProve(other, third);
  const { url, close } = await openEmbedded({ dataDir: other.DATA_DIR });
  expect(withoutChecks(await digestOf(url))).toEqual(withoutChecks(source));
  await close();
});
