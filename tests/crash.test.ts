// `bun run test:crash` in short: a few kills of the server and of PostgreSQL, after which nothing is lost, doubled or
// unbalanced; and a test that leaves nothing of itself behind.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../src/processes.ts";
import { readArguments } from "./crash/arguments.ts";
import { createFolder, startProgram } from "./server.ts";
import { DATA_FOLDER } from "./support.ts";

setDefaultTimeout(120_000);

const SCRIPT = "tests/crash/main.ts";

/** With a folder for temporary files of its own, to see what it leaves there. */
function startCrashTest(args: string[]) {
  const temporary = createFolder(DATA_FOLDER);
  return { temporary, program: startProgram([SCRIPT, ...args], { env: { TMPDIR: temporary } }) };
}

test("four kills under load lose nothing, double nothing, and leave the books balanced", async () => {
  const { program, temporary } = startCrashTest(["--rounds", "4", "--clients", "4"]);
  const exitCode = await program.exited;
  const said = program.stdout() + program.stderr();
  expect([exitCode, said]).toEqual([0, said]);
  for (const line of [/^Lost +0$/m, /^Doubled +0$/m, /^Unbalanced +0$/m, /^Kills +server \d+, PostgreSQL \d+/m]) {
    expect(program.stdout()).toMatch(line);
  }
  const [, server, postgres] = /^Kills +server (\d+), PostgreSQL (\d+)/m.exec(program.stdout()) ?? [];
  expect([Number(server) >= 2, Number(postgres) >= 2]).toEqual([true, true]);
  expect(program.stdout()).toMatch(/^Again: bun run test:crash --rounds 4 --seed \d+ --clients 4$/m);
  expect(readdirSync(temporary)).toEqual([]);
});

test("Ctrl-C ends it with all that it has started", async () => {
  const { program, temporary } = startCrashTest(["--rounds", "1000", "--clients", "4"]);
  while (!program.stderr().includes("Round 1 of")) await Bun.sleep(20);
  const [folder = ""] = readdirSync(temporary);
  const postmaster = Number(
    (await Bun.file(join(temporary, folder, "data/postgres/postmaster.pid")).text()).split("\n")[0],
  );
  program.kill("SIGINT");
  expect(await program.exited).toBe(130);
  expect(isAlive(postmaster)).toBe(false);
  expect(existsSync(join(temporary, folder))).toBe(false);
});

test("wrong arguments are refused, and help is given", async () => {
  for (const args of [
    ["--rounds", "0"],
    ["--seed", "x"],
    ["--clients", "1"],
    ["--plant", "nothing"],
  ]) {
    expect(() => readArguments(args)).toThrow("Usage: bun run test:crash");
  }
  const [wrong, help] = [startCrashTest(["--often"]).program, startCrashTest(["--help"]).program];
  expect([await wrong.exited, await help.exited]).toEqual([2, 0]);
  expect(wrong.stderr()).toContain("Usage: bun run test:crash");
  expect(help.stdout()).toContain("--plant NAME");
});
