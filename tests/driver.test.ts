// What patches/postgres@3.4.9.patch changes in the driver: a connection that breaks while a statement waits to be written
// leaves nothing behind (3.4.9 sent it ahead of the next connection's first message, or nothing at all), and of several
// idle connections the one that was used last is taken (3.4.9 takes the one that has been idle longest).

import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import postgres from "postgres";
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
