// SQL of the one search box: whatever has an id, a name or a slug, found by it.

import { z } from "zod";
import type { CardReference } from "../attributions/model.ts";
import { cardReference } from "../attributions/store.ts";
import { isKeyPrefix } from "../auth/key.ts";
import type { Sql } from "../db.ts";
import { entryId } from "../ledger/model.ts";
import type { Found, FoundDevice } from "./search-model.ts";
import { findAccounts, findAccountsByKey } from "./users-store.ts";

/** Accounts whose name or id begins with what was asked for. */
const ACCOUNTS = 10;
/** Whose device has an id. Devices choose their ids, and some call themselves by the same one. */
const DEVICES = 5;

/** What an id, a name or a slug stands for. */
export async function findAnything(sql: Sql, text: string): Promise<Found> {
  const id = z.guid().safeParse(text).data;
  const entry = entryId.safeParse(text.replace(/^#/, "")).data;
  const slug = text.replace(/^.*\/cards\//, "").replace(/\.md$/, "");
  const prefix = isKeyPrefix(text) ? text : undefined;
  const [named, owners, cards, entries, attributions, devices, requests] = await Promise.all([
    findAccounts(sql, text, ACCOUNTS),
    id || prefix ? findAccountsByKey(sql, { id, prefix }) : [],
    sql<{ card: CardReference }[]>`
      SELECT ${cardReference(sql, "c", "u")} AS card FROM cards c JOIN users u ON u.id = c.user_id
      WHERE (c.slug = ${slug} OR c.id = ${id ?? null}::uuid) AND c.published_at IS NOT NULL
        AND (c.is_published OR c.withdrawn_at IS NOT NULL) LIMIT 5`,
    sql<{ id: string }[]>`
      SELECT l.id FROM extropy_ledger l
      WHERE l.id = ${entry ?? null}::bigint OR l.transaction_id = ${id ?? null}::uuid ORDER BY l.id LIMIT 5`,
    sql<{ id: string }[]>`SELECT a.id FROM attributions a WHERE a.id = ${id ?? null}::uuid`,
    findDevices(sql, text),
    sql<{ id: string }[]>`
      SELECT a.request_id AS id FROM audit_log a WHERE a.request_id = ${text} OR a.id = ${id ?? null}::uuid LIMIT 1`,
  ]);
  return {
    accounts: named.length > 0 ? named : owners,
    cards: cards.map(({ card }) => card),
    entries: entries.map(({ id }) => id),
    attributions: attributions.map(({ id }) => id),
    devices,
    requests: requests.map(({ id }) => id),
  };
}

/** From one account to the next, since a device has as many states as its writer has cards. */
async function findDevices(sql: Sql, clientId: string): Promise<FoundDevice[]> {
  return sql<FoundDevice[]>`
    WITH RECURSIVE owner AS (
      (SELECT s.user_id FROM sync_state s WHERE s.client_id = ${clientId} ORDER BY s.user_id LIMIT 1)
      UNION ALL
      SELECT (SELECT s.user_id FROM sync_state s WHERE s.client_id = ${clientId} AND s.user_id > owner.user_id
        ORDER BY s.user_id LIMIT 1)
      FROM owner WHERE owner.user_id IS NOT NULL)
    SELECT ${clientId} AS client_id, jsonb_build_object('id', u.id, 'username', u.username) AS user
    FROM (SELECT user_id FROM owner WHERE user_id IS NOT NULL LIMIT ${DEVICES}) o JOIN users u ON u.id = o.user_id
    ORDER BY u.id`;
}
