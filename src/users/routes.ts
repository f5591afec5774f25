// HTTP of accounts: registration and one's own profile. Keys are in keys-routes.ts.

import { Elysia } from "elysia";
import { z } from "zod";
import { createAccount } from "../admin/change-account.ts";
import type { Incoming } from "../auth/guard.ts";
import { confirmKey } from "../auth/live-key.ts";
import { type Caller, requireAccountKey, SCOPES } from "../auth/scopes.ts";
import { answers, noQuery } from "../contract.ts";
import { Problem } from "../problem.ts";
import { refusalHeaders } from "../rates/rate-limit.ts";
import { stateOf } from "../request-state.ts";
import type { Services } from "../services.ts";
import { issueKey } from "./issue-key.ts";
import { profile, profileChange, type Registration, registered, registration } from "./model.ts";
import { changeProfile, createUser, eraseUser, getProfile } from "./store.ts";

const HOUR_MS = 3_600_000;

/** `POST /api/users` and `/api/me`. */
export function userRoutes({ config, sql, rates, gatekeeper, guard }: Services) {
  const registrations = rates.limit("registrations", config.registrationsPerHour, HOUR_MS);

  async function register(request: Request, wanted: Registration) {
    const { key, hash, prefix } = await issueKey(gatekeeper.bcrypt);
    const user = { ...wanted, grant: config.amounts.initialGrant, key: { hash, prefix } };
    const caller = byAdmins.get(request);
    const { profile, keyId } = caller
      ? await createAccount(sql, { caller, requestId: stateOf(request).id }, user)
      : await createUser(sql, user);
    gatekeeper.verifier.remember(key, { userId: profile.id, keyId, isAccountKey: true, scopes: new Set(SCOPES) });
    return { user: profile, api_key: key };
  }

  /** Requests of admins, who have no limit, and whose deeds are recorded. */
  const byAdmins = new WeakMap<Request, Caller>();

  /** Where registration is open, anybody; else an admin. Throws `unauthenticated` and `forbidden`. */
  async function mayRegister(incoming: Incoming): Promise<void> {
    const isOpen = config.registration === "open";
    if (isOpen && !incoming.request.headers.has("authorization")) return;
    const caller = await gatekeeper.identify(incoming);
    const { role } = await confirmKey(sql, caller);
    if (role === "admin" && caller.scopes.has("admin")) byAdmins.set(incoming.request, caller);
    else if (!isOpen) throw new Problem("forbidden", { detail: "Only an admin may register others." });
  }

  /** Counts a registration that is about to be tried: names that turn out to be taken count, lest they be tried out. */
  function countRegistration(address: string): void {
    const blockedFor = registrations.blockedForSeconds(address);
    if (blockedFor !== undefined) {
      throw new Problem("rate-limited", {
        detail: `At most ${config.registrationsPerHour} accounts an hour are registered from one address.`,
        headers: refusalHeaders(registrations, blockedFor),
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
        const created = await register(request, body);
        set.status = 201;
        return created;
      },
      {
        visitor: true,
        transform: ({ request, server, set }) => mayRegister({ request, server, set }),
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
    );
}
