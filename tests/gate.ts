// A gate before the database: a TCP proxy that can be shut, as if PostgreSQL were stopped, or silent, as if it had frozen.

import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./free-port.ts";

export type Gate = {
  /** The database's address through the gate. */
  url: string;
  /** Connections through it now. */
  connections(): number;
  open(): void;
  /** Cuts all connections and refuses new ones. */
  shut(): Promise<void>;
  /** Takes connections and bytes, and lets nothing through until it is opened. */
  silence(): void;
  close(): Promise<void>;
};

/** Opens a gate on a port of its own. */
export async function openGate(databaseUrl: string): Promise<Gate> {
  const { hostname, port } = new URL(databaseUrl);
  const pairs = new Set<[Socket, Socket]>();
  let isSilent = false;
  const server = createServer(client => {
    const database = connect(Number(port), hostname);
    const pair: [Socket, Socket] = [client, database];
    pairs.add(pair);
    for (const [from, to] of [pair, [database, client]] as const) {
      from.pipe(to);
      from.on("error", () => {});
      from.on("close", () => {
        to.destroy();
        pairs.delete(pair);
      });
      if (isSilent) from.pause();
    }
  });
  const listen = (at: number) => new Promise<void>(resolve => server.listen(at, "127.0.0.1", resolve));
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  // While the gate is shut, nobody else is to get its port.
  const own = freePort();
  await listen(own);
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${own}`;
  return {
    url: url.href,
    connections: () => pairs.size,
    open() {
      isSilent = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
      if (!server.listening) void listen(own);
    },
    async shut() {
      server.close();
      cut();
      while (server.listening || pairs.size > 0) await Bun.sleep(1);
    },
    silence() {
      isSilent = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    async close() {
      if (server.listening) server.close();
      cut();
    },
  };
}
