// HTTP of accounts and keys.

import { Elysia } from "elysia";
import { z } from "zod";
import type { Incoming } from "../auth/guard.ts";
import { generateKey, keyPrefix } from "../auth/key.ts";
import { confirmKey } from "../auth/live-key.ts";
import { type Caller, DEFAULT_SCOPES, SCOPES } from "../auth/scopes.ts";
import { answers, noQuery } from "../contract.ts";
import { pageOf, pageQuery } from "../cursor.ts";
import { invalid, Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { WindowCounter } from "../window-counter.ts";
import { createKey, deleteKey, listKeys, rotateKey } from "./keys-store.ts";
import {
  keyRequest,
  namedKey,
  newNamedKey,
  profile,
  profileChange,
  type Registration,
  registered,
  registration,
  rotated,
} from "./model.ts";
import { changeProfile, createUser, eraseUser, getProfile } from "./store.ts";

const HOUR_MS = 3_600_000;
const idParam = z.object({ id: z.guid() });

/** Registration, profile, keys. */
export function userRoutes({ config, sql, gatekeeper, guard }: Services) {
  const registrations = new WindowCounter(config.registrationsPerHour, HOUR_MS);

  async function newKey() {
    const key = generateKey();
    return { key, hash: await gatekeeper.bcrypt.hash(key), prefix: keyPrefix(key) };
  }

  async function register(wanted: Registration) {
    const { key, hash, prefix } = await newKey();
    const { profile, keyId } = await createUser(sql, {
      ...wanted,
      grant: config.amounts.initialGrant,
      key: { hash, prefix },
    });
    gatekeeper.verifier.remember(key, { userId: profile.id, keyId, isAccountKey: true, scopes: new Set(SCOPES) });
    return { user: profile, api_key: key };
  }

  /** Requests of admins, who have no limit. */
  const byAdmins = new WeakSet<Request>();

  /** Where registration is open, anybody; else an admin. Throws `unauthenticated` and `forbidden`. */
  async function mayRegister(incoming: Incoming): Promise<void> {
    const isOpen = config.registration === "open";
    if (isOpen && !incoming.request.headers.has("authorization")) return;
    const caller = await gatekeeper.identify(incoming);
    const { role } = await confirmKey(sql, caller);
    if (role === "admin" && caller.scopes.has("admin")) byAdmins.add(incoming.request);
    else if (!isOpen) throw new Problem("forbidden", { detail: "Only an admin may register others." });
  }

  /** Counts a registration that is about to be tried: names that turn out to be taken count, lest they be tried out. */
  function countRegistration(address: string): void {
    const blockedFor = registrations.blockedForSeconds(address);
    if (blockedFor !== undefined) {
      throw new Problem("rate-limited", {
        detail: `At most ${config.registrationsPerHour} accounts an hour are registered from one address.`,
        headers: registrations.refusalHeaders(blockedFor),
      });
    }
    registrations.count(address);
  }

  return new Elysia({ name: "users" })
    .use(guard)
    .post(
      "/api/users",
      async ({ body, request, server, set }) => {
        if (!byAdmins.has(request)) countRegistration(gatekeeper.addressOf({ request, server }));
        const created = await register(body);
        set.status = 201;
        return created;
      },
      {
        visitor: true,
        transform: mayRegister,
        body: registration,
        response: answers({ 201: registered }, [400, 401, 403, 409, 413, 415, 422, 429]),
        detail: {
          tags: ["Accounts"],
          summary: "Register an account",
          description:
            "Gives the account's API key, shown only in this answer, and the initial grant. By an admin, or by anybody where registration is open.",
          security: [{ apiKey: [] }, {}],
        },
      },
    )
    .get("/api/me", ({ caller }) => getProfile(sql, caller), {
      auth: "read",
      query: noQuery,
      response: answers({ 200: profile }, [401, 403, 422, 429]),
      detail: { tags: ["Accounts"], summary: "One's own account, with its balance" },
    })
    .patch(
      "/api/me",
      ({ caller, body }) => {
        if (body.email !== undefined) requireAccountKey(caller, "change the e-mail address");
        return changeProfile(sql, caller, body);
      },
      {
        auth: "profile",
        body: profileChange,
        response: answers({ 200: profile }, [400, 401, 403, 409, 413, 415, 422, 429]),
        detail: { tags: ["Accounts"], summary: "Change one's profile" },
      },
    )
    .delete(
      "/api/me",
      async ({ caller }) => {
        requireAccountKey(caller, "erase the account");
        await eraseUser(sql, caller);
        return new Response(null, { status: 204 });
      },
      {
        auth: "profile",
        response: answers({ 204: z.void() }, [401, 403, 409, 429]),
        detail: {
          tags: ["Accounts"],
          summary: "Erase one's account",
          description:
            "Cards are withdrawn, the balance is burned, and everything personal is gone. It can't be undone.",
        },
      },
    )
    .get(
      "/api/keys",
      async ({ caller, query, request }) => {
        const page = await listKeys(sql, caller, query);
        if (page.items.length === 0) await gatekeeper.confirm(request);
        return page;
      },
      {
        auth: "keys",
        query: z.strictObject(pageQuery),
        response: answers({ 200: pageOf(namedKey) }, [401, 403, 422, 429]),
        detail: { tags: ["Accounts"], summary: "One's named keys, without their secrets" },
      },
    )
    .post(
      "/api/keys",
      async ({ caller, body, set }) => {
        const scopes = body.scopes ?? DEFAULT_SCOPES.filter(name => caller.scopes.has(name));
        if (scopes.length === 0) throw invalid("/scopes", "scopes by name: this key has none of the default ones");
        const beyond = scopes.filter(name => !caller.scopes.has(name));
        if (beyond.length > 0) {
          throw new Problem("forbidden", { detail: `A key can't make one that may more: ${beyond.join(", ")}.` });
        }
        const expiresAt = body.expires_at ? new Date(body.expires_at) : null;
        if (expiresAt && expiresAt.getTime() <= Date.now()) throw invalid("/expires_at", "a time in the future");
        const { key, hash, prefix } = await newKey();
        const created = await createKey(sql, caller, {
          name: body.name,
          scopes,
          // Not as it was sent: PostgreSQL knows fewer offsets and shorter fractions.
          expiresAt: expiresAt?.toISOString() ?? null,
          hash,
          prefix,
        });
        set.status = 201;
        return { ...created, api_key: key };
      },
      {
        auth: "keys",
        body: keyRequest,
        response: answers({ 201: newNamedKey }, [400, 401, 403, 413, 415, 422, 429]),
        detail: { tags: ["Accounts"], summary: "Make a named key, with scopes and an end" },
      },
    )
    .delete(
      "/api/keys/:id",
      async ({ caller, params }) => {
        await deleteKey(sql, caller, params.id);
        return new Response(null, { status: 204 });
      },
      {
        auth: "keys",
        params: idParam,
        response: answers({ 204: z.void() }, [401, 403, 404, 429]),
        detail: { tags: ["Accounts"], summary: "Delete a named key; it stops working at once" },
      },
    )
    .post(
      "/api/keys/rotate",
      async ({ caller }) => {
        requireAccountKey(caller, "rotate the account key");
        const { key, hash, prefix } = await newKey();
        await rotateKey(sql, caller, { hash, prefix });
        return { api_key: key };
      },
      {
        auth: "keys",
        response: answers({ 200: rotated }, [401, 403, 429]),
        detail: {
          tags: ["Accounts"],
          summary: "Get a new account key",
          description: "The old one works until the new one is first used, at most 24 hours.",
        },
      },
    );
}

function requireAccountKey(caller: Caller, what: string): void {
  if (!caller.isAccountKey) throw new Problem("forbidden", { detail: `Only the account key may ${what}.` });
}
