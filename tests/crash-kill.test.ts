// When the kills of the crash test come.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { Random } from "../src/demo/random.ts";
import { publish } from "./crash/asked.ts";
import { Client } from "./crash/client.ts";
import { Journal, type Kill, type Line } from "./crash/journal.ts";
import { killOnce } from "./crash/round.ts";
import { createFolder } from "./server.ts";

test("a kill waits until a request is in flight: neither one that is being noted, nor one that was answered before", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => Bun.sleep(20).then(() => new Response("{}")),
  });
  const journal = await Journal.open(createFolder(), "client");
  const write = journal.write.bind(journal);
  const lines: Line[] = [];
  // A slow disk: most of the time it is the journal that a client waits for.
  journal.write = async line => {
    lines.push(line);
    await Bun.sleep(line.type === "came" ? 300 : 0);
    await write(line);
  };
  const client = new Client({
    ...{ baseUrl: server.url.origin, journal, actor: { id: "", name: "", key: "" } },
    diceOf: () => ({ asking: new Random(1, 1, 1), sending: new Random(1, 2, 1) }),
  });
  const asked = (no: number) => publish({ key: `request-${no}`, user: "", cards: [] });
  const asking = client
    .ask(asked(1))
    .then(() => client.repeat(asked(1)))
    .then(() => client.ask(asked(2)));
  while (!lines.some(({ type }) => type === "came")) await Bun.sleep(1);

  const openAtKills: boolean[] = [];
  const stage = {
    dataDir: join(createFolder(), "none"),
    server: { pid: 0, exited: Promise.resolve(0), kill: () => void openAtKills.push(client.isOpen) },
  };
  const kills: Line[] = [];
  await killOnce(stage, "server", "load", {
    clients: [client],
    journal: { write: async line => void kills.push(line) },
  });
  await asking;
  await journal.close();
  await server.stop(true);

  expect(openAtKills).toEqual([true]);
  const [, repeated, second] = lines.filter(({ type }) => type === "came");
  const { at } = kills[0] as Kill;
  expect([Number(repeated?.at) < at, at < Number(second?.at)]).toEqual([true, true]);
});
