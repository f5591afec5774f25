// Checksums of what was written directly, by psql or a script: nobody has computed them yet, and pushes compare with them.

import { checksumOf } from "../cards/text.ts";
import type { Sql } from "../db.ts";
import { canonicalOf } from "./checksum.ts";
import type { EntityType } from "./model.ts";

export type StoredName = { userId: string; entityType: EntityType; entityId: string };

/** Stores the checksums of these entities, unless they were changed again meanwhile. */
export async function storeChecksums(sql: Sql, names: readonly StoredName[]): Promise<void> {
  const cardIds = names.flatMap(({ entityType, entityId }) => (entityType === "card" ? [entityId] : []));
  if (cardIds.length > 0) await storeOfCards(sql, cardIds);
  const documents = names.filter(({ entityType }) => entityType !== "card");
  if (documents.length > 0) await storeOfDocuments(sql, documents);
}

async function storeOfCards(sql: Sql, ids: string[]): Promise<void> {
  const cards = await sql<(Parameters<typeof checksumOf>[0] & { id: string; edited_at: string | null })[]>`
    SELECT id, title, content, privacy_level, category, tags, metadata, edited_at FROM cards
    WHERE id = ANY (${ids}::uuid[]) ORDER BY id LIMIT ${ids.length}`;
  await sql`
    UPDATE cards c SET checksum = k.checksum
    FROM unnest(${cards.map(card => card.id)}::uuid[], ${cards.map(checksumOf)}::varchar[],
      ${cards.map(card => card.edited_at)}::timestamptz[]) AS k (id, checksum, edited_at)
    WHERE c.id = k.id AND c.checksum IS NULL AND c.edited_at IS NOT DISTINCT FROM k.edited_at`;
}

async function storeOfDocuments(sql: Sql, names: readonly StoredName[]): Promise<void> {
  const rows = await sql<{ place: number; data: unknown; change_no: string }[]>`
    SELECT k.place::integer, d.data, d.change_no
    FROM unnest(${names.map(name => name.userId)}::uuid[], ${names.map(name => name.entityType)}::varchar[],
      ${names.map(name => name.entityId)}::varchar[]) WITH ORDINALITY AS k (user_id, entity_type, entity_id, place)
    JOIN sync_documents d USING (user_id, entity_type, entity_id)
    WHERE d.data IS NOT NULL ORDER BY k.place LIMIT ${names.length}`;
  const found = rows.flatMap(row => ({ ...row, name: names[row.place - 1] as StoredName }));
  await sql`
    UPDATE sync_documents d SET checksum = k.checksum
    FROM unnest(${found.map(({ name }) => name.userId)}::uuid[], ${found.map(({ name }) => name.entityType)}::varchar[],
      ${found.map(({ name }) => name.entityId)}::varchar[],
      ${found.map(({ data }) => canonicalOf(data).checksum)}::varchar[],
      ${found.map(row => row.change_no)}::bigint[]) AS k (user_id, entity_type, entity_id, checksum, change_no)
    WHERE d.user_id = k.user_id AND d.entity_type = k.entity_type AND d.entity_id = k.entity_id
      AND d.change_no = k.change_no AND d.checksum IS NULL`;
}
