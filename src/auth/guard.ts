// The macros by which a route says who may call it: `auth: "scope"`, `operator: "read" | "write"` for calls of
// operators, and `visitor: true` for open doors. They run before validation, so that a stranger learns nothing from a 422, and give the handler its `caller`.

import { Elysia } from "elysia";
import { ClientAddresses, clientName, isPrivate } from "../client-address.ts";
import type { Config } from "../config.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import type { Rates } from "../rates/exchange.ts";
import { allowanceHeaders, type RateLimit, refusalHeaders } from "../rates/rate-limit.ts";
import { stateOf } from "../request-state.ts";
import { BcryptPool } from "./bcrypt-pool.ts";
import { bearerOf } from "./bearer.ts";
import { confirmKey } from "./live-key.ts";
import { type Access, confirmOperator } from "./operator.ts";
import type { Caller, Scope } from "./scopes.ts";
import { KeyVerifier } from "./verifier.ts";

/** A body that could not be read: kept until the caller is known, then thrown. */
export class UnreadableBody {
  constructor(readonly problem: unknown) {}
}

export type Incoming = {
  request: Request;
  body?: unknown;
  server: { requestIP(request: Request): { address: string } | null } | null;
  /** Where the answer's headers are put, if there is such a place. */
  set?: { headers: Record<string, string | number> };
};

const MINUTE_MS = 60_000;

/** Below it a key is looked at wherever one is sent, and nowhere else. */
const API_ADDRESS = /^[^/]+\/\/[^/]+\/api\//;

/** Everything about keys that the process shares: threads, cache, counters. */
export class Gatekeeper {
  readonly bcrypt: BcryptPool;
  readonly verifier: KeyVerifier;
  readonly #addresses: ClientAddresses;
  readonly #failures: RateLimit;
  readonly #requests: RateLimit;
  readonly #strangers: RateLimit;

  constructor(
    private readonly sql: Sql,
    config: Config,
    rates: Rates,
  ) {
    this.bcrypt = new BcryptPool(config.bcryptCost);
    this.verifier = new KeyVerifier(sql, this.bcrypt);
    this.#addresses = new ClientAddresses(config.trustedProxies);
    this.#failures = rates.limit("bad-keys", config.authFailuresPerMinute, MINUTE_MS);
    this.#requests = rates.limit("requests", config.rateLimitPerMinute, MINUTE_MS);
    this.#strangers = rates.limit("keyless-requests", config.rateLimitPerMinute, MINUTE_MS);
  }

  /** The client's address as limits count it. */
  addressOf(incoming: Incoming): string {
    return clientName(this.#exactAddressOf(incoming));
  }

  #exactAddressOf({ request, server }: Incoming): string {
    const connection = server?.requestIP(request)?.address ?? "127.0.0.1";
    return this.#addresses.of(connection, request.headers.get("x-forwarded-for"));
  }

  /**
   * Counts a request that brings no key, or to a page that looks at none, by its address. Addresses of private networks
   * are not counted: one of them may be a proxy's that nobody named, and with it everybody's. Throws `rate-limited`.
   */
  countStranger(incoming: Incoming): void {
    const { headers, url } = incoming.request;
    if (this.#strangers.limit === 0 || (headers.has("authorization") && API_ADDRESS.test(url))) return;
    const address = this.#exactAddressOf(incoming);
    if (!isPrivate(address)) countRequest(this.#strangers, clientName(address), "address", incoming);
  }

  /** The caller of the request's key, which must have the scope. Throws `unauthenticated`, `rate-limited`, `forbidden`. */
  async admit(incoming: Incoming, scope: Scope): Promise<Caller> {
    const caller = await this.identify(incoming);
    if (!caller.scopes.has(scope)) {
      throw new Problem("forbidden", { detail: `This key lacks the scope \`${scope}\`.` });
    }
    return caller;
  }

  /** The operator whose key the request brings. Throws `unauthenticated`, `rate-limited`, `forbidden`. */
  async admitOperator(incoming: Incoming, access: Access): Promise<Caller> {
    const caller = await this.identify(incoming);
    await confirmOperator(this.sql, caller, access);
    stateOf(incoming.request).callerConfirmed = true;
    return caller;
  }

  /**
   * The operator of this name whose key was typed in, for a session in a browser. Counted like any other key: so many
   * bad ones of an address, and no more are looked at. Throws `unauthenticated`, `rate-limited`, `forbidden`.
   */
  async admitToSession(incoming: Incoming, username: string, key: string): Promise<Caller> {
    const address = this.addressOf(incoming);
    const caller = this.verifier.recall(key) ?? (await this.#verify(key, address));
    const [named] = await this.sql`
      SELECT FROM users u WHERE u.id = ${caller.userId}::uuid AND lower(u.username) = lower(${username})`;
    if (!named) {
      this.#failures.count(address);
      throw new Problem("unauthenticated");
    }
    await confirmOperator(this.sql, caller, "read");
    return caller;
  }

  /** The caller of the request's key, whatever its scopes. Throws `unauthenticated`, `rate-limited`. */
  async identify(incoming: Incoming): Promise<Caller> {
    const { request } = incoming;
    const state = stateOf(request);
    const key = bearerOf(request);
    if (key === undefined) throw new Problem("unauthenticated");
    let caller = this.verifier.recall(key);
    if (!caller) {
      caller = await this.#verify(key, this.addressOf(incoming));
      state.callerConfirmed = true;
    }
    state.caller = caller;
    countRequest(this.#requests, caller.keyId, "key", incoming);
    return caller;
  }

  async #verify(key: string, address: string): Promise<Caller> {
    const blockedFor = this.#failures.blockedForSeconds(address);
    if (blockedFor !== undefined) {
      throw new Problem("rate-limited", {
        detail: "Too many bad keys came from this address. Keys that were in use already go on working.",
        headers: refusalHeaders(this.#failures, blockedFor),
      });
    }
    // Counted as bad until it is known: of many keys that come at once, no more than the limit are looked at. Requests that
    // wait for the same look count when it is over. One that could not be looked at, with the database away, is not bad.
    const isFirst = !this.verifier.isVerifying(key);
    if (isFirst) this.#failures.count(address);
    let isBad = false;
    try {
      const caller = await this.verifier.verify(key);
      isBad = !caller;
      if (!caller) throw new Problem("unauthenticated");
      return caller;
    } finally {
      if (isBad && !isFirst) this.#failures.count(address);
      if (!isBad && isFirst) this.#failures.uncount(address);
    }
  }

  /**
   * For answers that no statement of the route vouches for, such as an early 4xx: checks a remembered key
   * against its row, unless this request has done so. Throws `unauthenticated`.
   */
  async confirm(request: Request): Promise<void> {
    const state = stateOf(request);
    if (!state.caller || state.callerConfirmed) return;
    await confirmKey(this.sql, state.caller);
    state.callerConfirmed = true;
  }

  /** A remembered key turned out to be dead: from now on it counts, and takes as long, as any other bad key. */
  forget(incoming: Incoming): void {
    const key = bearerOf(incoming.request);
    if (key !== undefined && this.verifier.forget(key)) this.#failures.count(this.addressOf(incoming));
  }

  close(): void {
    this.bcrypt.close();
  }
}

/** Counts a request of a key or an address, and tells the client what is left. Throws `rate-limited`. */
function countRequest(limit: RateLimit, name: string, whose: "key" | "address", { request, set }: Incoming): void {
  if (limit.limit === 0) return;
  const blockedFor = limit.blockedForSeconds(name);
  if (blockedFor !== undefined) {
    stateOf(request).isOverRate = true;
    throw new Problem("rate-limited", {
      detail: `At most ${limit.limit} requests a minute are taken with one ${whose}.`,
      headers: refusalHeaders(limit, blockedFor),
    });
  }
  const left = limit.count(name);
  if (set) Object.assign(set.headers, allowanceHeaders(left));
}

function callerOf(request: Request): Caller {
  const { caller } = stateOf(request);
  if (!caller) throw new Problem("unauthenticated");
  return caller;
}

/** The plugin with the macros. */
export function createGuard(gatekeeper: Gatekeeper) {
  return new Elysia({ name: "guard" }).macro({
    auth: (scope: Scope) => ({
      async transform({ request, server, set, body }) {
        await gatekeeper.admit({ request, server, set }, scope);
        if (body instanceof UnreadableBody) throw body.problem;
      },
      resolve: ({ request }) => ({ caller: callerOf(request) }),
    }),
    operator: (access: Access) => ({
      async transform({ request, server, set, body }) {
        await gatekeeper.admitOperator({ request, server, set }, access);
        if (body instanceof UnreadableBody) throw body.problem;
      },
      resolve: ({ request }) => ({ caller: callerOf(request) }),
    }),
    visitor: (_: true) => ({
      transform({ body }: { body: unknown }) {
        if (body instanceof UnreadableBody) throw body.problem;
      },
    }),
  });
}

export type Guard = ReturnType<typeof createGuard>;
