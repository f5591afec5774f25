// `bun run test:crash` in short: a few kills of the server and of PostgreSQL, after which nothing is lost, doubled or
// unbalanced; and a test that leaves nothing of itself behind.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../src/processes.ts";
import { readArguments } from "./crash/arguments.ts";
import { type Asked, type CardAsked, KINDS } from "./crash/asked.ts";
import { readJournals } from "./crash/journal.ts";
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

test("a round of a seed asks for the same again, alone or after others", async () => {
  const args = ["--seed", "7", "--clients", "8", "--keep"];
  const [after, alone] = [startCrashTest(["--rounds", "2", ...args]), startCrashTest(["--round", "2", ...args])];
  for (const { program } of [after, alone]) {
    const exitCode = await program.exited;
    const said = program.stdout() + program.stderr();
    expect([exitCode, said]).toEqual([0, said]);
  }
  expect(alone.program.stdout()).toMatch(/^Rounds +number 2 alone, 8 clients/m);
  expect(alone.program.stdout()).toMatch(/^Again: bun run test:crash --round 2 --seed 7 --clients 8$/m);
  const [first, second] = [askedIn(after.temporary), askedIn(alone.temporary)];
  expect([...first.keys()].sort()).toEqual([...second.keys()].sort());
  for (const [client, asked] of first) {
    const again = second.get(client) ?? [];
    // How far a client comes is up to the machine.
    const both = Math.min(asked.length, again.length);
    expect([client, asked.slice(0, both)]).toEqual([client, again.slice(0, both)]);
    if (client.includes("client")) expect(both).toBeGreaterThan(4);
  }
  const kinds = [...first.values()].flat().map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(KINDS));
});

/** What each client of round 2 has asked for, in its order, with names in place of the ids that every run has anew. */
function askedIn(temporary: string): Map<string, Asked[]> {
  const [kept = ""] = readdirSync(temporary).filter(name => name.startsWith("extrophi-crash-journals-"));
  const { lines } = readJournals(join(temporary, kept, "00002"));
  const sent = lines.flatMap(line => (line.type === "sent" && line.attempt === 1 ? [line.asked] : []));
  const byKey = new Map(sent.map(asked => [asked.key, asked]));
  const names = new Map(
    sent.filter(({ key }) => key.endsWith("-card")).map(({ user, key }) => [user, `who sent ${key}`]),
  );
  for (const line of lines) {
    const asked = line.type === "came" && line.status < 300 ? byKey.get(line.key) : undefined;
    if (line.type !== "came" || asked?.kind !== "publish") continue;
    const titles = (asked.body.cards as CardAsked[]).map(({ title }) => title);
    for (const [at, { id }] of JSON.parse(line.text).cards.entries()) names.set(id, titles[at] ?? "");
  }
  const withNames = (asked: Asked): Asked => {
    // An entry is known by its legs: no two payments of the ground are alike.
    const text = JSON.stringify(asked).replace(/ledger\/\d+\//, "ledger/entry/");
    return JSON.parse(text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, id => names.get(id) ?? "the operator"));
  };
  return Map.groupBy(sent.map(withNames), ({ key }) => key.replace(/-\d+$/, ""));
}

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
    ["--round", "2"],
    ["--round", "2", "--rounds", "3", "--seed", "1"],
  ]) {
    expect(() => readArguments(args)).toThrow("Usage: bun run test:crash");
  }
  const [wrong, help] = [startCrashTest(["--often"]).program, startCrashTest(["--help"]).program];
  expect([await wrong.exited, await help.exited]).toEqual([2, 0]);
  expect(wrong.stderr()).toContain("Usage: bun run test:crash");
  expect(help.stdout()).toContain("--plant NAME");
});
