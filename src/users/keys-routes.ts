// HTTP of one's keys: the named ones, and a new account key.

import { Elysia } from "elysia";
import { z } from "zod";
import { DEFAULT_SCOPES, requireAccountKey } from "../auth/scopes.ts";
import { answers } from "../contract.ts";
import { pageOf, pageQuery } from "../cursor.ts";
import { invalid, Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { issueKey } from "./issue-key.ts";
import { createKey, deleteKey, listKeys, rotateKey } from "./keys-store.ts";
import { keyRequest, namedKey, newNamedKey, rotated } from "./model.ts";

const idParam = z.object({ id: z.guid() });

/** `/api/keys`. */
export function keyRoutes({ sql, gatekeeper, guard }: Services) {
  return new Elysia({ name: "keys" })
    .use(guard)
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
        const { key, hash, prefix } = await issueKey(gatekeeper.bcrypt);
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
        const { key, hash, prefix } = await issueKey(gatekeeper.bcrypt);
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
