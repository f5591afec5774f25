// Backup and restore: a busy database comes back row by row, and what can't be restored changes nothing.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { dumpDatabase } from "../src/backup/dump.ts";
import { BackupError } from "../src/backup/error.ts";
import { BackupFile } from "../src/backup/file.ts";
import { END_MARK } from "../src/backup/format.ts";
import { readTables } from "../src/backup/tables.ts";
import { createBackup } from "../src/backup.ts";
import { copyIn } from "../src/copy-in.ts";
import { checkIntegrity } from "../src/ledger/integrity/check.ts";
import { withDatabase } from "../src/migrate/connection.ts";
import { readMigrations } from "../src/migrate/files.ts";
import { verifyDatabase } from "../src/migrate/verify.ts";
import { applyMigrations } from "../src/migrate.ts";
import { checkBackup, restoreBackup } from "../src/restore.ts";
import { type Api, createApi, newCard } from "./api-support.ts";
import { openBooks } from "./integrity-support.ts";
import { digest, digestOf, restore, silent } from "./restore-support.ts";
import { createFolder, startProgram } from "./server.ts";
import { createTestDatabase, emptyDatabase, PROJECT } from "./support.ts";

setDefaultTimeout(60_000);

/** Publishes, cites and transfers until it is told to stop. */
function keepBusy(api: Api, keys: readonly string[], cited: string): () => Promise<void> {
  let isBusy = true;
  const writers = keys.map(async key => {
    while (isBusy) {
      const { id } = await api.publishCard(
        key,
        newCard({ content: `tab\t, line\n, \\. and \\N ${crypto.randomUUID()}` }),
      );
      const body = { source_card_id: cited, target_card_id: id, attribution_type: "citation" };
      const { status } = await api.call("POST", "/api/attributions", { key, body });
      if (status !== 201) throw new Error(`citing was answered with ${status}`);
    }
  });
  return async () => {
    isBusy = false;
    await Promise.all(writers);
  };
}

test("a busy database comes back as one snapshot of it was, and goes on from there", async () => {
  const api = await createApi();
  const [author, ...writers] = await Promise.all([1, 2, 3, 4].map(() => api.register()));
  const { id } = await api.publishCard(author?.key ?? "");
  const stop = keepBusy(
    api,
    writers.map(({ key }) => key),
    id,
  );
  const path = join(createFolder(), "busy.backup");
  await Bun.sleep(200);
  const before = await withDatabase(api.url, async sql => {
    const tables = await readTables(sql);
    await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const file = await BackupFile.create(path);
    await file.write(dumpDatabase(sql, tables, silent()));
    await file.complete();
    await Bun.sleep(100);
    return await digest(sql);
  });
  await stop();
  expect(before.extropy_ledger).not.toStartWith("0 ");
  expect(await digestOf(api.url)).not.toEqual(before);

  const { url, sql } = await emptyDatabase();
  await restore(url, path);
  expect(await digestOf(url)).toEqual(before);
  expect(await checkIntegrity(sql, { full: true })).toMatchObject({ ok: true });
  const differences: string[] = [];
  await verifyDatabase(url, { report: check => differences.push(...check.differences) });
  expect(differences).toEqual([]);
  const restored = await createApi({}, { sql, url });
  for (const { key } of writers) await restored.publishCard(key);
  expect(await checkIntegrity(sql, { full: true })).toMatchObject({ ok: true });
});

describe("a backup of an older schema", async () => {
  const migrations = await readMigrations();
  const newest = migrations.length;

  /** A backup with a user who has something, as a release up to this migration would have made it. */
  async function backupOf(through: number): Promise<string> {
    const { url, sql } = await emptyDatabase();
    await applyMigrations(url, { through });
    await sql`
      INSERT INTO users (username, email, api_key_hash, api_key_prefix, extropy_balance)
      VALUES ('mira', 'mira@example.org', 'hash of a key', 'ext_12345678', 10.00)`;
    const path = join(createFolder(), "old.backup");
    await createBackup(url, path, silent());
    return path;
  }

  // 5 is the last migration that was released before there were backups.
  for (const through of [5, newest - 1]) {
    test(`up to migration ${through} is restored and migrated`, async () => {
      const path = await backupOf(through);
      const { url, sql } = await emptyDatabase();
      await restore(url, path);
      expect(await sql`SELECT username, extropy_balance FROM users WHERE username <> 'system'`).toMatchObject([
        { username: "mira", extropy_balance: "10.00" },
      ]);
      expect(await checkIntegrity(sql, { full: true })).toMatchObject({ ok: true, entries_checked: 1 });
      const differences: string[] = [];
      await verifyDatabase(url, { report: check => differences.push(...check.differences) });
      expect(differences).toEqual([]);
    });
  }

  test("is refused by a database that is empty but further, with what to do", async () => {
    const path = await backupOf(newest - 1);
    const { url } = await createTestDatabase();
    const before = await digestOf(url);
    expect(restore(url, path)).rejects.toThrow(
      new RegExp(`already has ${migrations.at(-1)?.name}. Give a database that holds nothing at all`),
    );
    expect(await digestOf(url)).toEqual(before);
  });
});

test("sequences go on after the last number that was given, which a deleted row may have had", async () => {
  const { url, sql } = await openBooks();
  await sql`SELECT setval('extropy_ledger_id_seq', 4711)`;
  const path = join(createFolder(), "sequences.backup");
  await createBackup(url, path, silent());
  const target = await createTestDatabase();
  await restore(target.url, path);
  const [row] = await target.sql`SELECT nextval('extropy_ledger_id_seq') AS next`;
  expect(row?.next).toBe("4712");
});

test("the file is its owner's alone, nothing else is left beside it, and it is never overwritten", async () => {
  const { url } = await openBooks();
  const folder = createFolder();
  const path = join(folder, "books.backup");
  await createBackup(url, path, silent());
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const written = readFileSync(path);
  expect(createBackup(url, path, silent())).rejects.toThrow(/exists already, and no backup is ever overwritten/);
  expect(readFileSync(path).equals(written)).toBe(true);
  expect(readdirSync(folder)).toEqual(["books.backup"]);
});

test("of two backups to one name one is made", async () => {
  const { url } = await openBooks();
  const path = join(createFolder(), "twice.backup");
  const [one, two] = [await BackupFile.create(path), createBackup(url, `${path}.other`, silent())];
  await two;
  writeFileSync(path, "somebody else's");
  await one.write((async function* () {})());
  expect(one.complete()).rejects.toThrow(/exists already/);
  await one.discard();
  expect(readFileSync(path, "utf8")).toBe("somebody else's");
});

/** A database whose backup is larger than 64 kB. */
async function largeBooks(): Promise<string> {
  const { url, sql } = await openBooks();
  await sql`UPDATE users SET bio = (SELECT string_agg(gen_random_uuid()::text, ' ') FROM generate_series(1, 20000))`;
  return url;
}

/** Runs the command within a shell's line, in which `$0` is Bun, `$1` the name of the file and `$2` its folder. */
async function backUpBy(line: string, url: string, path: string, within: readonly string[] = []) {
  const child = Bun.spawn([...within, "bash", "-c", line, process.execPath, path, dirname(path)], {
    cwd: PROJECT,
    env: { PATH: process.env.PATH, DATABASE_URL: url },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, exitCode: await child.exited };
}

// Where nobody may mount either: to the program, a file that may not grow is a disk that is full.
test("a file that may not grow is told in a sentence, and no half file is left", async () => {
  const folder = createFolder();
  const path = join(folder, "large.backup");
  const line = `trap '' XFSZ; ulimit -f 64; exec "$0" src/commands/backup.ts "$1"`;
  const { exitCode, stderr } = await backUpBy(line, await largeBooks(), path);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^The backup could not be written to .*large\.backup: EFBIG.*Nothing was left behind\.\n$/);
  expect(readdirSync(folder)).toEqual([]);
});

/** A file system of 64 kB on the folder `$2`, in a namespace of its own, which also whoever is not root may have mostly. */
const SMALL_DISK = 'mount -t tmpfs -o size=64k tmpfs "$2"';
const ALONE = ["unshare", "--user", "--map-root-user", "--mount"];

function canMount(): boolean {
  return Bun.which("unshare") !== null && Bun.spawnSync([...ALONE, "bash", "-c", SMALL_DISK, "", "", "/tmp"]).success;
}

test.skipIf(!canMount())("a full disk is told in a sentence, and what was written of the file is gone", async () => {
  const folder = createFolder();
  const line = `${SMALL_DISK} && "$0" src/commands/backup.ts "$1"; echo "exit code $?"; ls -A "$2"`;
  const path = join(folder, "large.backup");
  const { stdout, stderr } = await backUpBy(line, await largeBooks(), path, ALONE);
  expect(stderr).toMatch(/^The backup could not be written to .*backup: ENOSPC.*Nothing was left behind\.\n$/);
  expect(stdout).toBe("exit code 1\n");
});

test("a database without tables is not backed up, and the commands say how they are used", async () => {
  const { url } = await emptyDatabase();
  const path = join(createFolder(), "nothing.backup");
  expect(createBackup(url, path, silent())).rejects.toThrow(/nothing to back up/);
  const program = startProgram(["src/commands/restore.ts"], { env: { DATABASE_URL: url } });
  expect(await program.exited).toBe(2);
  expect(program.stderr()).toMatch(/^The name of a file is missing\.\n\nUsage: bun run restore FILE\n/);
});

describe("a file that is not whole", async () => {
  const { url } = await openBooks();
  const folder = createFolder();
  const whole = join(folder, "whole.backup");
  await createBackup(url, whole, silent());
  const bytes = readFileSync(whole);
  const text = zstdDecompressSync(bytes.subarray(0, -END_MARK.length)).toString();

  const packed = (contents: string) => Buffer.concat([zstdCompressSync(contents), END_MARK]);
  const refuse = async (contents: Uint8Array, message: RegExp) => {
    const path = join(createFolder(), "bad.backup");
    writeFileSync(path, contents);
    const refused = await checkBackup(path, silent()).catch(error => error);
    expect(refused).toBeInstanceOf(BackupError);
    expect(refused.message).toMatch(message);
  };
  /** The same file with another header, and with hashes that fit. */
  const withHeader = (change: (header: Record<string, unknown>) => void) => {
    const lines = text.trimEnd().split("\n");
    const header = JSON.parse(lines[0] ?? "");
    change(header);
    lines[0] = JSON.stringify(header);
    const end = JSON.parse(lines.pop() ?? "");
    const json = lines.filter((line, index) => index === 0 || line.startsWith('{"table":'));
    end.sha256 = new Bun.CryptoHasher("sha256").update(json.map(line => `${line}\n`).join("")).digest("hex");
    return packed(`${[...lines, JSON.stringify(end)].join("\n")}\n`);
  };

  test("is refused wherever it was cut off", async () => {
    for (const share of [0.2, 0.5, 0.9]) {
      await refuse(bytes.subarray(0, Math.floor(bytes.length * share)), /cut off/);
    }
    await refuse(bytes.subarray(0, 0), /cut off/);
    for (const cut of [1, 11, 12, 13, 30, 60]) await refuse(bytes.subarray(0, -cut), /cut off/);
    for (const share of [0.5, 0.9, 0.999]) {
      await refuse(packed(text.slice(0, Math.floor(text.length * share))), /cut off/);
    }
    await refuse(packed(text.slice(0, text.lastIndexOf('{"end"'))), /cut off/);
  });

  test("is refused where anything in it was changed", async () => {
    for (const share of [0.1, 0.5, 0.9]) {
      const changed = Buffer.from(bytes);
      const at = Math.floor(changed.length * share);
      changed.writeUInt8(changed.readUInt8(at) ^ 0xff, at);
      await refuse(changed, /not as it was written|cut off|is not a backup/);
    }
    await refuse(packed(text.replace("5.00", "9.00")), /not as it was written/);
    await refuse(packed(`${text}\n`), /not as it was written/);
    await refuse(Buffer.concat([bytes, Buffer.from("x\n")]), /something was added/);
  });

  test("is refused where it is something else", async () => {
    for (const foreign of ["CREATE TABLE users ();\n", packed("hello\n"), packed("{}\n")]) {
      await refuse(Buffer.from(foreign), /is not a backup that/);
    }
    expect(checkBackup(join(folder, "missing"), silent())).rejects.toThrow(/can't be read: ENOENT/);
  });

  test("of an unknown schema or format says which release restores it", async () => {
    const later = { number: 9999, name: "9999_later", checksum: "0".repeat(64) };
    await refuse(
      withHeader(header => (header.migrations as unknown[]).push(later)),
      /\(9999_later\): this release knows the schema up to/,
    );
    await refuse(
      withHeader(header => Object.assign((header.migrations as object[])[0] ?? {}, { checksum: later.checksum })),
      /its migration 0001_tables is not the one of this release/,
    );
    await refuse(
      withHeader(header => (header.format_version = 2)),
      /has format 2, and this release reads format 1/,
    );
    // The files above are refused for what they say, and not because the test made them badly.
    const path = join(folder, "same.backup");
    writeFileSync(
      path,
      withHeader(() => {}),
    );
    expect((await checkBackup(path, silent())).header.format_version).toBe(1);
  });

  test("leaves the database bare when the command refuses it", async () => {
    const target = await emptyDatabase();
    const path = join(folder, "half.backup");
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
    const program = startProgram(["src/commands/restore.ts", path], { env: { DATABASE_URL: target.url } });
    expect(await program.exited).toBe(1);
    expect(program.stderr()).toMatch(/half\.backup .*Nothing was changed\.\n$/);
    expect(await readTables(target.sql)).toEqual([]);
  });

  test("rolls everything back when it breaks after it was checked", async () => {
    const target = await createTestDatabase();
    const before = await digestOf(target.url);
    const path = join(folder, "later.backup");
    writeFileSync(path, bytes);
    const contents = await checkBackup(path, silent());
    truncateSync(path, Math.floor(bytes.length * 0.6));
    expect(restoreBackup(target.url, path, contents, silent())).rejects.toThrow(BackupError);
    expect(await digestOf(target.url)).toEqual(before);
    await restore(target.url, whole);
    expect(await digestOf(target.url)).toEqual(await digestOf(url));
  });

  test("is not needed to refuse a database that holds anything", async () => {
    const full = await openBooks();
    const before = await digestOf(full.url);
    expect(restore(full.url, whole)).rejects.toThrow(/This database is not empty: there are rows in /);
    expect(await digestOf(full.url)).toEqual(before);
    const foreign = await emptyDatabase();
    await foreign.sql`CREATE TABLE recipes (name text)`;
    expect(restore(foreign.url, whole)).rejects.toThrow(/rows in recipes, or tables that are somebody else's/);
    expect((await readTables(foreign.sql)).map(({ name }) => name)).toEqual(["recipes"]);
  });
});

test("rows that a table refuses end a COPY, and with it nobody waits", async () => {
  const { sql } = await emptyDatabase();
  await sql`CREATE TABLE positive (number integer CHECK (number > 0))`;
  const rows = [Buffer.from("1\n"), Buffer.from("0\n")];
  expect(sql.begin(tx => copyIn(tx, "COPY positive FROM STDIN", rows))).rejects.toThrow(/violates check constraint/);
  expect(await sql`SELECT number FROM positive`).toHaveLength(0);
});
