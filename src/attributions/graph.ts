// The cards around a card: breadth first, in one statement, with a bound on all that it touches.

import { liveKey } from "../auth/live-key.ts";
import type { Caller } from "../auth/scopes.ts";
import type { Sql } from "../db.ts";
import { Problem } from "../problem.ts";
import { GRAPH_EDGES_MAX, GRAPH_NODES_MAX, type Graph } from "./model.ts";
import { cardReference } from "./store.ts";

/** Ways from one card to another in one direction: one of each type. */
const TYPES = 4;
/**
 * Attributions of one card, in one direction, that the walk looks at. These lead to more other cards than are asked
 * for, so whoever has more of them can only be part of a truncated graph.
 */
const stepsMax = (nodesMax: number) => TYPES * nodesMax + 1;
/** The walk meets a card again at later depths, 0 to 3: so many steps meet more different ones than are asked for. */
const meetingsMax = (nodesMax: number) => 4 * nodesMax + 1;
/** A card that cites more cards than this is asked about pairs instead; each costs as much as reading some citations. */
const CITATIONS_MAX = GRAPH_NODES_MAX;

/**
 * Up to `nodesMax` cards at most `depth` attributions away, and all attributions among them, those between the outermost ones too.
 * Only attributions that stand count, in either direction. Nearest cards come first, then in the order in which the
 * newest attributions lead to them; edges newest first. Throws `not-found`.
 *
 * PostgreSQL computes a recursive query only as far as its reader reads, and in order: the walk ends at the LIMIT.
 */
export async function getGraph(
  sql: Sql,
  caller: Caller,
  cardId: string,
  depth: number,
  nodesMax = GRAPH_NODES_MAX,
): Promise<Graph> {
  // Written into the statement: where it can't see a limit, PostgreSQL takes it for a tenth of all rows, and compiles.
  const number = (value: number) => sql.unsafe(String(value));
  const [row] = await sql<[Omit<Graph, "center">]>`
    WITH RECURSIVE walk (card_id, depth) AS (
      SELECT c.id, 0 FROM cards c
      WHERE c.id = ${cardId}::uuid AND (c.is_published OR c.withdrawn_at IS NOT NULL) AND ${liveKey(sql, caller)}
      UNION
      SELECT step.card_id, walk.depth + 1 FROM walk
      CROSS JOIN LATERAL (
        SELECT * FROM (
          (SELECT a.target_card_id AS card_id, a.created_at, a.id FROM attributions a
          WHERE a.source_card_id = walk.card_id AND a.reversed_at IS NULL
          ORDER BY a.created_at DESC, a.id DESC LIMIT ${number(stepsMax(nodesMax))})
          UNION ALL
          (SELECT a.source_card_id, a.created_at, a.id FROM attributions a
          WHERE a.target_card_id = walk.card_id AND a.reversed_at IS NULL
          ORDER BY a.created_at DESC, a.id DESC LIMIT ${number(stepsMax(nodesMax))})
        ) both_ways ORDER BY created_at DESC, id DESC
      ) step
      WHERE walk.depth < ${depth}::integer
    ),
    met AS (
      SELECT card_id, min(depth) AS depth, min(place) AS place
      FROM (SELECT card_id, depth, row_number() OVER () AS place FROM (SELECT * FROM walk LIMIT ${number(meetingsMax(nodesMax))}) met) m
      GROUP BY card_id
    ),
    node AS MATERIALIZED (SELECT * FROM met ORDER BY place LIMIT ${number(nodesMax)}),
    -- Whoever is cited by many cites few: edges are looked for from the citing side, and pair by pair where it cites many.
    citing AS MATERIALIZED (
      SELECT node.card_id, (
        SELECT count(*) FROM (
          SELECT FROM attributions a WHERE a.target_card_id = node.card_id LIMIT ${number(CITATIONS_MAX + 1)}) first_ones) AS citations
      FROM node
    ),
    edge AS MATERIALIZED (
      SELECT a.* FROM (
        SELECT a.* FROM citing
        CROSS JOIN LATERAL (SELECT a.* FROM attributions a WHERE a.target_card_id = citing.card_id OFFSET 0) a
        -- IS TRUE keeps it a look-up in one hash table: as a join it reads all nodes for each node.
        WHERE citing.citations <= ${number(CITATIONS_MAX)} AND (a.source_card_id IN (SELECT card_id FROM node)) IS TRUE
        UNION ALL
        SELECT a.* FROM citing CROSS JOIN node
        CROSS JOIN LATERAL (
          SELECT a.* FROM attributions a
          WHERE a.source_card_id = node.card_id AND a.target_card_id = citing.card_id LIMIT ${number(TYPES)}) a
        WHERE citing.citations > ${number(CITATIONS_MAX)}
      ) a
      WHERE a.reversed_at IS NULL
      ORDER BY a.created_at DESC, a.id DESC LIMIT ${number(GRAPH_EDGES_MAX + 1)}
    )
    SELECT
      (SELECT jsonb_agg(
          ${cardReference(sql, "c", "u")} || jsonb_build_object('depth', node.depth,
            'extropy_earned', c.extropy_earned::text, 'attribution_count', c.attribution_count)
          ORDER BY node.place)
        FROM node JOIN cards c ON c.id = node.card_id JOIN users u ON u.id = c.user_id) AS nodes,
      (SELECT coalesce(jsonb_agg(
          jsonb_build_object('id', e.id, 'source', e.source_card_id, 'target', e.target_card_id,
            'type', e.attribution_type, 'amount', e.extropy_amount::text)
          ORDER BY e.created_at DESC, e.id DESC), '[]')
        FROM (SELECT * FROM edge LIMIT ${number(GRAPH_EDGES_MAX)}) e) AS edges,
      (SELECT count(*) FROM met) > ${number(nodesMax)} OR (SELECT count(*) FROM edge) > ${number(GRAPH_EDGES_MAX)} AS truncated`;
  if (!row.nodes) throw new Problem("not-found");
  return { center: row.nodes[0]?.id ?? cardId, ...row };
}
