// What the tests of migrations share: the real command as a process, and directories of migrations made up
// for one test.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT } from "./support.ts";

export type Outcome = { exitCode: number; stdout: string; stderr: string };

/** Runs `bun run migrate` with `args` on a database; `stdin` is what a person types. */
export async function runMigrate(url: string, args: readonly string[], stdin = ""): Promise<Outcome> {
  const child = Bun.spawn([process.execPath, "src/commands/migrate.ts", ...args], {
    cwd: PROJECT,
    env: { ...process.env, DATABASE_URL: url, DATABASE_OWNER_URL: "" },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

const directories: string[] = [];

/** Removes the directories made so far. For `afterAll` of every file that makes some. */
export async function removeMigrations(): Promise<void> {
  await Promise.all(directories.splice(0).map(directory => rm(directory, { recursive: true })));
}

/** A directory of migrations, given as file names and their SQL. A `.sql` without its `.down.sql` gets an empty one. */
export async function makeMigrations(files: Record<string, string>): Promise<string> {
  const directory = await makeFiles(files);
  const ups = Object.keys(files).filter(name => !name.endsWith(".down.sql"));
  const missing = ups.map(name => name.replace(/\.sql$/, ".down.sql")).filter(name => files[name] === undefined);
  await Promise.all(missing.map(name => Bun.write(join(directory, name), "")));
  return directory;
}

/** A directory with exactly these files. */
export async function makeFiles(files: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "extrophi-migrations-"));
  directories.push(directory);
  await Promise.all(Object.entries(files).map(([name, text]) => Bun.write(join(directory, name), text)));
  return directory;
}
