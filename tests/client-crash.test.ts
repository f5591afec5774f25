// The reference client as a process: killed at any moment, and two of them on one file. What it said is kept is on
// the server in the end, once.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Api, createApi, listen, type Member } from "./api-support.ts";
import { createFolder, type Program, startProgram } from "./server.ts";
import { deviceOf } from "./sync-support.ts";

setDefaultTimeout(60_000);

let api: Api;
let server: ReturnType<typeof listen>;
beforeAll(async () => {
  api = await createApi();
  server = listen(api);
});
afterAll(() => server.stop());

const newFile = () => join(createFolder(), "device.sqlite");

function startWriter({ key }: Member, file: string, name: string, rounds: number): Program {
  const program = join(import.meta.dir, "client-process.ts");
  return startProgram([program, server.baseUrl, key, file, name, String(rounds)]);
}

/** Rounds of a writer of which it said that they are kept. */
const keptBy = (writer: Program) => [...writer.stdout().matchAll(/^kept \S+ (\d+)$/gm)].map(match => Number(match[1]));

async function killAfter(writer: Program, rounds: number): Promise<number[]> {
  await writer.waitFor(new RegExp(`^kept \\S+ ${rounds}$`, "m"));
  return kill(writer);
}

async function kill(writer: Program): Promise<number[]> {
  writer.kill("SIGKILL");
  await writer.exited;
  return keptBy(writer);
}

async function finish(writer: Program): Promise<void> {
  expect([await writer.exited, writer.stderr()]).toEqual([0, ""]);
  expect(writer.stdout()).toContain('done {"toPush":0,"toPublish":0,"conflicts":0,"failed":0}');
}

/** Looks at the server for every round of these writers: edits as they were made, cards once and paid once. */
async function expectAllThere(member: Member, writers: [name: string, kept: number[]][]): Promise<void> {
  const { items } = await deviceOf(api, member).pullAll();
  const settings = new Map(
    items.filter(item => item.entity_type === "settings").map(item => [item.entity_id, item.data?.round]),
  );
  const texts = items.filter(item => item.entity_type === "card").map(item => String(item.data?.content));
  for (const [name, kept] of writers) {
    for (const round of kept) expect([name, settings.get(`${name}-${round}`)]).toEqual([name, round]);
    expect(Number(settings.get(name))).toBeGreaterThanOrEqual(Math.max(...kept));
    const published = kept.filter(round => round % 3 === 0).map(round => `${name} ${round}`);
    expect(texts).toEqual(expect.arrayContaining(published));
  }
  expect(new Set(texts).size).toBe(texts.length);
  const { body } = await api.call("GET", "/api/balance", { key: member.key });
  expect(body.balance).toBe(`${10 + texts.length}.00`);
}

describe("a client that is killed", () => {
  test("at any moment has lost and doubled nothing", async () => {
    const member = await api.register();
    const file = newFile();
    const writers: [string, number[]][] = [];
    for (const [index, rounds] of [2, 11, 30].entries()) {
      const name = `w${index}`;
      writers.push([name, await killAfter(startWriter(member, file, name, 10_000), rounds)]);
    }
    await finish(startWriter(member, file, "last", 0));
    await expectAllThere(member, writers);
  });
});

describe("two clients on one file", () => {
  test("lose and double nothing, also when one of them is killed", async () => {
    const member = await api.register();
    const file = newFile();
    const killed = startWriter(member, file, "killed", 10_000);
    const other = startWriter(member, file, "other", 60);
    // Early enough, whichever of them is quicker: the other one must not end while this one still writes.
    const [written, beside] = [() => keptBy(killed).length, () => keptBy(other).length];
    while (written() < 25 && !(written() > 0 && beside() >= 40)) await Bun.sleep(5);
    const kept = await kill(killed);
    await finish(other);
    await finish(startWriter(member, file, "last", 0));
    await expectAllThere(member, [
      ["killed", kept],
      ["other", keptBy(other)],
    ]);
  });
});
