// Withdrawing: the text goes, the card's id, address and history stay. The rules stand in withdraw_cards
// (migrations/0007_sync.sql).

import type { Tx } from "../db.ts";

/**
 * Withdraws one of a user's cards, or all of them; returns how many that were not withdrawn before. The caller has
 * locked the user's row.
 */
export async function withdrawCards(tx: Tx, userId: string, cardId?: string): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    SELECT withdraw_cards(array_agg(id), array_agg(NULL::varchar)) AS count FROM cards
    WHERE user_id = ${userId}::uuid AND withdrawn_at IS NULL
      ${cardId === undefined ? tx`` : tx`AND id = ${cardId}::uuid`}`;
  return row?.count ?? 0;
}
