// Withdrawing: the text goes, the card's id, address and history stay.

import type { Tx } from "../db.ts";

/**
 * Withdraws one of a user's cards, or all of them; returns how many that were not withdrawn before. The slug
 * keeps its random end, by which every address that the card had is still found and answers 410; the id before it
 * keeps apart cards that others than the server named, whose ends may be the same. The content hash stays as well:
 * by it the author can bring the card back. The caller has locked the user's row.
 */
export async function withdrawCards(tx: Tx, userId: string, cardId?: string): Promise<number> {
  const slug = tx`'card-' || replace(id::text, '-', '') || '-' || right(slug, 8)`;
  const { count } = await tx`
    UPDATE cards SET title = NULL, content = '', tags = '{}', metadata = '{}', checksum = NULL,
      slug = ${slug}, public_url = '/cards/' || ${slug},
      source_session_id = NULL, source_client_id = NULL, is_published = false, withdrawn_at = now()
    WHERE user_id = ${userId}::uuid AND withdrawn_at IS NULL
      ${cardId === undefined ? tx`` : tx`AND id = ${cardId}::uuid`}`;
  return count;
}
