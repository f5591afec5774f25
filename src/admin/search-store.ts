// SQL of the one search box: whatever has an id, a name or a slug, found by it.

import { z } from "zod";
import type { CardReference } from "../attributions/model.ts";
import { cardReference } from "../attributions/store.ts";
import { isKeyPrefix } from "../auth/key.ts";
import type { Sql } from "../db.ts";
import { entryId } from "../ledger/model.ts";
import type { Found } from "./search-model.ts";
import { findAccounts, findAccountsByKey } from "./users-store.ts";

/** Accounts whose name or id begins with what was asked for. */
const ACCOUNTS = 10;

/** What an id, a name or a slug stands for. */
export async function findAnything(sql: Sql, text: string): Promise<Found> {
  const id = z.guid().safeParse(text).data;
  const entry = entryId.safeParse(text.replace(/^#/, "")).data;
  const slug = text.replace(/^.*\/cards\//, "").replace(/\.md$/, "");
  const prefix = isKeyPrefix(text) ? text : undefined;
  const [named, owners, cards, entries, attributions] = await Promise.all([
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
  ]);
  return {
    accounts: named.length > 0 ? named : owners,
    cards: cards.map(({ card }) => card),
    entries: entries.map(({ id }) => id),
    attributions: attributions.map(({ id }) => id),
  };
}
