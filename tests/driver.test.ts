// What patches/postgres@3.4.9.patch changes in the driver. A connection that breaks while a statement waits to be written
// leaves nothing behind (3.4.9 sent it ahead of the next connection's first message, or nothing at all). A statement that
// breaks among its rows leaves none to the next one (3.4.9 began that one's rows behind as many empty places). A transaction
// whose connection breaks is over (3.4.9 sent the rest of it on the next connection, or ended the process). A new connection that
// can't find out about arrays is given up (3.4.9 ended the process, or gave them as text from then on). And of several idle
// connections the one that was used last is taken (3.4.9 takes the one that has been idle longest).

import { describe, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import postgres from "postgres";
import { createPool } from "../src/db.ts";
import { emptyDatabase } from "./support.ts";

test("what was not written yet goes with the connection that breaks", async () => {
  const { url } = await emptyDatabase();
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  const sql = postgres(url, {
    max: 1,
    backoff: () => 0,
    // Not among the declared options: what opens the connection.
    ...{
      socket: () =>
        new Promise<Socket>(resolve => {
          const socket = connect(Number(port), hostname, () => resolve(socket));
          sockets.push(socket);
        }),
    },
  });
  try {
    for (let round = 0; round < 3; round++) {
      expect(await sql`SELECT 1 AS one`).toMatchObject([{ one: 1 }]);
      const broken = sql`SELECT 2`.execute().catch((error: { code: string }) => error.code);
      // The statement is handed to the connection in a microtask, and written after the events of this turn.
      for (let i = 0; i < 10; i++) await Promise.resolve();
      sockets.at(-1)?.emit("close", false);
      sockets.at(-1)?.destroy();
      expect(await broken).toMatch(/^CONNECTION_/);
    }
    expect(await sql`SELECT 3 AS three`).toMatchObject([{ three: 3 }]);
  } finally {
    await sql.end({ timeout: 1 });
  }
}, 20_000);

test("queries that follow each other use one connection, however many are open", async () => {
  const { url } = await emptyDatabase();
  const sql = postgres(url, { max: 4 });
  try {
    await Promise.all([1, 2, 3, 4].map(() => sql`SELECT pg_sleep(0.1)`));
    const pids = new Set<number>();
    for (let round = 0; round < 8; round++) {
      const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      if (row) pids.add(row.pid);
    }
    expect(pids.size).toBe(1);
    const both = await Promise.all([1, 2].map(() => sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`));
    expect(new Set(both.map(([row]) => row?.pid)).size).toBe(2);
  } finally {
    await sql.end({ timeout: 1 });
  }
}, 20_000);

/** Rows that are long enough to be sent before the last of them is known. */
const MANY_ROWS = "SELECT repeat('x', 100) AS x, 1 / (2000 - n) AS y FROM generate_series(1, 3000) AS n";

test("a statement that fails after some of its rows leaves none to the next one", async () => {
  const { url } = await emptyDatabase();
  const sql = createPool(url, { max: 1 });
  const failed = sql.unsafe(MANY_ROWS).catch((error: { code: string }) => error.code);
  expect(await failed).toBe("22012");
  const [row, ...others] = await sql`SELECT 1 AS one`;
  expect([row, others]).toEqual([{ one: 1 }, []]);
  await sql.end();
});

test("a connection that breaks among the rows leaves none to the next one, also where PostgreSQL is only just starting", async () => {
  const { url } = await emptyDatabase();
  const { hostname, port } = new URL(url);
  let connections = 0;
  const proxy = createServer(client => {
    connections++;
    // The second time it says what PostgreSQL says while it recovers: SQLSTATE 57P03.
    if (connections === 2) return void client.end(startingUp());
    const server = connect(Number(port), hostname);
    client.pipe(server);
    let bytes = 0;
    server.on("data", data => {
      bytes += data.length;
      client.write(data);
      if (connections === 1 && bytes > 100_000) for (const socket of [client, server]) socket.destroy();
    });
    for (const socket of [client, server]) socket.on("error", () => {});
    client.on("close", () => server.destroy());
  });
  await new Promise<void>(resolve => proxy.listen(0, "127.0.0.1", resolve));
  const sql = createPool(through(url, proxy.address() as { port: number }), { max: 1 });
  try {
    const failed = sql.unsafe(MANY_ROWS.replace("2000", "9999")).catch((error: { code: string }) => error.code);
    expect(await failed).toMatch(/^CONNECTION_/);
    const answers: unknown[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      answers.push(
        await sql`SELECT 1 AS one`.then(
          rows => [...rows],
          (error: { code: string }) => error.code,
        ),
      );
    }
    expect(answers.at(-1)).toEqual([{ one: 1 }]);
    expect(answers.filter(answer => answer !== "57P03" && JSON.stringify(answer) !== '[{"one":1}]')).toEqual([]);
  } finally {
    await sql.end({ timeout: 1 });
    proxy.close();
  }
});

function startingUp(): Buffer {
  return message("E", "SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0");
}

/** A message of PostgreSQL's protocol. */
function message(kind: string, text: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind);
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

function through(url: string, { port }: { port: number }): string {
  const changed = new URL(url);
  changed.host = `127.0.0.1:${port}`;
  return changed.href;
}

test("a transaction whose connection breaks is over: nothing of it is sent on the next connection", async () => {
  const { url } = await emptyDatabase();
  const sql = createPool(url, { max: 1 });
  const other = createPool(url, { max: 1 });
  await other`CREATE TABLE written (what text)`;
  const begun = Promise.withResolvers<number>();
  const back = Promise.withResolvers<void>();
  const late: unknown[] = [];
  const lost = sql
    .begin(async tx => {
      const [row] = await tx<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      begun.resolve(row?.pid ?? 0);
      // Something else than a statement is under way when the connection breaks.
      await back.promise;
      late.push(
        await tx`INSERT INTO written VALUES ('late')`.then(
          () => "done",
          (error: { code: string }) => error.code,
        ),
      );
    })
    .catch((error: { code: string }) => error.code);
  await other`SELECT pg_terminate_backend(${await begun.promise})`;
  expect(await lost).toMatch(/^CONNECTION_|^57P01/);
  expect([...(await sql`SELECT 1 AS one`.catch(() => sql`SELECT 1 AS one`))]).toEqual([{ one: 1 }]);
  back.resolve();
  await Bun.sleep(100);
  expect(late).toEqual([expect.stringMatching(/^CONNECTION_/)]);
  expect([...(await other`SELECT what FROM written`)]).toEqual([]);
  await Promise.all([sql.end(), other.end()]);
});

test("a statement that breaks with its connection ends a transaction, and nothing else", async () => {
  const { url } = await emptyDatabase();
  const sql = createPool(url, { max: 2 });
  const other = createPool(url, { max: 1 });
  const begun = Promise.withResolvers<number>();
  const lost = sql
    .begin(async tx => {
      const [row] = await tx<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      begun.resolve(row?.pid ?? 0);
      await tx`SELECT pg_sleep(5)`;
    })
    .catch((error: { code: string }) => error.code);
  const pid = await begun.promise;
  await Bun.sleep(20);
  await other`SELECT pg_terminate_backend(${pid})`;
  expect(await lost).toMatch(/^CONNECTION_|^57P01/);
  await Bun.sleep(50);
  expect([...(await sql`SELECT 1 AS one`)]).toEqual([{ one: 1 }]);
  await Promise.all([sql.end(), other.end()]);
});

/** What a new connection asks before anything else. */
const QUESTION_ABOUT_ARRAYS = "pg_type";

/** A failure, SQLSTATE 57014, after which the connection goes on. */
const CANCELED = Buffer.concat([
  message("E", "SERROR\0VERROR\0C57014\0Mcanceling statement due to statement timeout\0\0"),
  message("Z", "I"),
]);

describe("a connection that can't find out about arrays is given up, and nothing else", () => {
  const refusals: Record<string, (client: Socket) => unknown> = {
    "its socket is reset": client => client.resetAndDestroy(),
    "its socket is closed": client => client.end(),
    "the question fails": client => client.write(CANCELED),
  };
  for (const [what, refuse] of Object.entries(refusals)) {
    test(what, async () => {
      const { url } = await emptyDatabase();
      const { hostname, port } = new URL(url);
      let questions = 0;
      const proxy = createServer(client => {
        const server = connect(Number(port), hostname);
        server.pipe(client);
        client.on("data", data => {
          if (data.includes(QUESTION_ABOUT_ARRAYS) && ++questions === 1) refuse(client);
          else server.write(data);
        });
        for (const socket of [client, server]) socket.on("error", () => {});
        client.on("close", () => server.destroy());
      });
      await new Promise<void>(resolve => proxy.listen(0, "127.0.0.1", resolve));
      const sql = createPool(through(url, proxy.address() as { port: number }), { max: 1 });
      try {
        const answers: unknown[] = [];
        for (let attempt = 0; attempt < 3; attempt++) {
          answers.push(
            await sql`SELECT ARRAY['a', 'b'] AS letters`.then(
              ([row]) => row?.letters,
              (error: { code: string }) => error.code,
            ),
          );
        }
        expect(answers.at(-1)).toEqual(["a", "b"]);
        // Whoever waited for the connection is told; nobody gets the text of an array.
        expect(answers.filter(answer => !Array.isArray(answer)).join()).toMatch(
          /^((CONNECTION_\w+|ECONNRESET|57014),?)*$/,
        );
        expect(questions).toBe(2);
      } finally {
        await sql.end({ timeout: 1 });
        proxy.close();
      }
    });
  }
});
