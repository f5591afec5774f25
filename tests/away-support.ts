// What the tests of a database that is away share: calls of each sort, and a server behind a gate that can be shut.

import { expect } from "bun:test";
import { type Api, type Member, newCard, readAnswer, toInit } from "./api-support.ts";
import { type Gate, openGate } from "./gate.ts";
import { type Server, startServer } from "./server.ts";

/** Who calls, and who is paid. */
export type Callers = { api: Api; alice: Member; bob: Member };

let sent = 0;

/** One call of each sort, with a key that is remembered or not: reads, single statements, shared commits, transactions. */
export function calls({ alice, bob }: Callers, baseUrl: string) {
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = method === "POST" ? { "idempotency-key": `away-${++sent}` } : {};
    return readAnswer(await fetch(baseUrl + path, toInit(method, { key: alice.key, body, headers })));
  };
  return {
    balance: () => call("GET", "/api/balance"),
    ledger: () => call("GET", "/api/ledger?type=publish_reward"),
    publish: () => call("POST", "/api/publish", { cards: [newCard()] }),
    transfer: () => call("POST", "/api/transfers", { to_user: bob.name, amount: "0.01" }),
    profile: () => call("PATCH", "/api/me", { bio: "Here." }),
    health: async () => (await fetch(`${baseUrl}/healthz`)).status,
    ready: async () => (await fetch(`${baseUrl}/readyz`)).status,
  };
}

export type Calls = ReturnType<typeof calls>;
export const askAll = ({ balance, ledger, publish, transfer, profile }: Calls) =>
  Promise.all([balance(), ledger(), publish(), transfer(), profile()]);

/** Until it answers again; the server needs nobody's help for that. */
export async function untilBack(ask: Calls, timeoutMs = 10_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; (await ask.ready()) !== 200; await Bun.sleep(20)) {
    if (performance.now() > deadline) throw new Error(`not back within ${timeoutMs} ms`);
  }
}

/** A real server whose database can be shut away from it; it must stop as if nothing had happened. */
export async function withGate(
  callers: Callers,
  work: (gate: Gate, ask: Calls, server: Server) => Promise<void>,
): Promise<void> {
  const gate = await openGate(callers.api.url);
  const server = await startServer({ DATABASE_URL: gate.url }, { preload: "./tests/resource-report.ts" });
  try {
    const ask = calls(callers, server.baseUrl);
    expect((await askAll(ask)).map(({ status }) => status)).toEqual([200, 200, 201, 201, 200]);
    await work(gate, ask, server);
    expect(await server.stop()).toBe(0);
  } finally {
    await gate.close();
  }
}

/** What a server that was started with resource-report.ts holds after a full garbage collection; memory in bytes. */
export async function heldBy(server: Server): Promise<Record<Held, number>> {
  const reports = () => [...server.stdout().matchAll(/^holds (.*)$/gm)];
  const before = reports().length;
  server.kill("SIGUSR2");
  while (reports().length === before) await Bun.sleep(5);
  return JSON.parse(reports().at(-1)?.[1] ?? "");
}

export type Held = "files" | "sockets" | "timers" | "functions" | "objects" | "heap" | "rss";
