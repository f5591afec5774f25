// Everything that the commands let out while they work with secrets and while they fail: what they print, what the process
// list shows of them and of what they start, PostgreSQL's log, and the files that they write.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createPool } from "../src/db.ts";
import { openEmbedded } from "../src/embedded.ts";
import { Collected, KEYS, runCollected } from "./secrets-support.ts";
import { createFolder } from "./server.ts";
import { createTestDatabase } from "./support.ts";

setDefaultTimeout(120_000);

const command = (name: string, ...args: string[]) => [`src/commands/${name}.ts`, ...args];

test.skipIf(!existsSync("/proc/self/environ"))(
  "nothing that the commands let out holds a key, a hash or a password, but for the one key that admin-key is for",
  async () => {
    const [dataDir, otherDataDir, folder] = [createFolder(), createFolder(), createFolder()];
    const [file, keyFile] = [join(folder, "a.backup"), join(folder, "keys")];
    const embedded = await openEmbedded({ dataDir });
    const collected = new Collected();
    const run = async (args: string[], exitCode: number, DATA_DIR = dataDir) => {
      const program = await runCollected(collected, args, { DATA_DIR });
      expect([args, await program.exited, program.stderr()]).toEqual([args, exitCode, program.stderr()]);
      return program;
    };
    const seeding = command("seed-demo", "--users", "4", "--entries", "60", "--keys", "3", "--with-keys", keyFile);
    await run(seeding, 0);
    await run(command("seed-demo", "--users", "4", "--entries", "60", "--with-keys", `${keyFile}.2`), 1);
    const handingOut = new Collected();
    const made = await runCollected(handingOut, command("admin-key"), { DATA_DIR: dataDir });
    expect(await made.exited).toBe(0);
    const [adminKey = "", ...others] = made.stdout().match(KEYS) ?? [];
    expect(others).toEqual([]);
    collected.add("the rest of what admin-key prints", made.stdout().replace(adminKey, "") + made.stderr());
    await run(command("admin-key", "nobody-here"), 1);
    await run(command("backup", file), 0);
    await run(command("backup", file), 1);
    await run(command("backup-compare", file), 0);
    await run(command("restore", file), 1);
    await run(command("restore", file), 0, otherDataDir);
    for (const args of [command("migrate", "status"), command("migrate", "verify"), command("integrity")]) {
      await run(args, 0);
      await run(args, 0, otherDataDir);
    }

    const owner = createPool(embedded.url, { max: 1 });
    const hashes = await owner<{ hash: string }[]>`
      SELECT api_key_hash AS hash FROM users WHERE api_key_hash LIKE '$%' UNION SELECT key_hash FROM api_keys
      UNION ALL SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL`;
    await owner.end();
    const demoKeys = readFileSync(keyFile, "utf8").match(KEYS) ?? [];
    expect([demoKeys.length, hashes.length >= 6]).toEqual([3, true]);
    const passwords = {
      superuserPassword: new URL(embedded.url).password,
      serverPassword: new URL(embedded.serverUrl).password,
      restoredPassword: readFileSync(join(otherDataDir, "postgres.password"), "utf8").trim(),
    };
    const keys = { adminKey, ...Object.fromEntries(demoKeys.map((key, no) => [`demo key ${no}`, key])) };
    const ofHashes = Object.fromEntries(hashes.map(({ hash }, no) => [`hash ${no}`, hash]));
    await embedded.close();
    for (const dir of [dataDir, otherDataDir]) {
      collected.add("PostgreSQL's log", readFileSync(join(dir, "postgres.log"), "utf8"));
    }
    expect(collected.sources.filter(source => source.startsWith("the cmdline")).length).toBeGreaterThan(10);
    expect(collected.find({ ...passwords, ...keys, ...ofHashes })).toEqual([]);
    expect(handingOut.find({ ...passwords, ...ofHashes })).toEqual([]);
    expect(handingOut.find({ adminKey })).toEqual(["adminKey in the output of src/commands/admin-key.ts"]);

    const backup = new Collected();
    backup.add("the backup", Bun.zstdDecompressSync(readFileSync(file)).toString("latin1"));
    // It holds hashes, as it must, and nothing that opens anything.
    expect(backup.find(ofHashes).length).toBeGreaterThan(2);
    expect(backup.find({ ...passwords, ...keys })).toEqual([]);
  },
);

test.skipIf(!existsSync("/proc/self/environ"))(
  "no command lets out an address of the database, wherever it can't get in, and where it can",
  async () => {
    const { url, sql } = await createTestDatabase();
    const role = `extrophi secrets ${crypto.randomUUID().slice(0, 8)}`;
    const server = new URL(url);
    server.username = encodeURIComponent(role);
    server.password = encodeURIComponent("pass word/with:every@thing?");
    const [wrong, away] = [new URL(url), new URL(url)];
    wrong.password = "a-password-that-is-wrong";
    away.port = "1";
    const file = join(createFolder(), "a.backup");
    const collected = new Collected();
    const commands = [
      ...[command("migrate", "apply"), command("migrate", "status"), command("migrate", "verify")],
      ...[command("migrate", "rollback", "--to", "999"), command("integrity"), command("backup", file)],
      ...[command("backup-compare", file), command("restore", file), command("seed-demo"), command("admin-key")],
    ];
    try {
      for (const env of [
        { DATABASE_URL: server.href, DATABASE_OWNER_URL: url },
        { DATABASE_URL: url },
        { DATABASE_URL: wrong.href },
        { DATABASE_URL: away.href, DATABASE_OWNER_URL: away.href },
        { DATABASE_URL: `${url}?options=-c%20nonsense` },
      ]) {
        for (const args of commands) await runCollected(collected, args, env);
      }
    } finally {
      await sql.unsafe(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    }
    const addresses = {
      ...{ ownerPassword: new URL(url).password, ownerUrl: url, serverUrl: server.href },
      ...{ serverPassword: decodeURIComponent(server.password), serverPasswordInUrl: server.password },
      ...{ wrongPassword: wrong.password, wrongUrl: wrong.href, awayUrl: away.href },
    };
    expect(collected.sources.length).toBeGreaterThan(100);
    expect(collected.find(addresses)).toEqual([]);
  },
);
