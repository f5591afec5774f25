// The graph around a card: as a picture, and as a table with the same cards.

import { Html } from "@kitajs/html";
import type { CardDetail } from "../../../src/admin/cards-model.ts";
import type { Graph } from "../../../src/attributions/model.ts";
import { EDGE_TYPES, EDGES_DRAWN_MAX, GraphPicture, NODES_DRAWN_MAX } from "../graph-picture.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { CardLink, Count, counted, grouped, UserLink } from "../pieces.tsx";
import { type Column, DataTable } from "../table.tsx";

type GraphNode = Graph["nodes"][number];

const columns: readonly Column<GraphNode>[] = [
  { label: "Card", isName: true, cell: card => <CardLink card={card} /> },
  { label: "Author", cell: ({ author }) => <UserLink id={author.id} username={author.username} /> },
  { label: "Away", isNumber: true, cell: ({ depth }) => <Count value={depth} /> },
  { label: "Citations", isNumber: true, cell: ({ attribution_count }) => <Count value={attribution_count} /> },
  { label: "Earned", isNumber: true, cell: ({ extropy_earned }) => <span safe>{grouped(extropy_earned)}</span> },
];

const DEPTHS = [1, 2, 3];

export type GraphProps = {
  card: CardDetail;
  /** Undefined: the problem says why. */
  found: { graph: Graph; depth: number } | undefined;
  problem: ProblemMessage | undefined;
};

export function GraphPage({ card, found, problem }: GraphProps) {
  const path = `/admin/cards/${encodeURIComponent(card.id)}`;
  return (
    <>
      <h1>
        Around <CardLink card={{ id: card.id, title: card.title, withdrawn: card.status === "withdrawn" }} />
      </h1>
      <nav class="actions" aria-label="How far">
        {DEPTHS.map(steps => (
          <a
            class="button"
            href={`${path}/graph?depth=${steps}`}
            {...(steps === found?.depth ? { "aria-current": "true" } : {})}
          >
            <span safe>{steps === 1 ? "1 step" : `${steps} steps`}</span>
          </a>
        ))}
        {found ? (
          <span class="soft" safe>
            {`${counted(found.graph.nodes.length, "card")}, ${counted(found.graph.edges.length, "attribution")}`}
          </span>
        ) : (
          ""
        )}
      </nav>
      {problem ? <ProblemNotice problem={problem} /> : ""}
      {found ? <Drawing graph={found.graph} /> : ""}
    </>
  );
}

function Drawing({ graph }: { graph: Graph }) {
  const isCut = graph.truncated || graph.nodes.length > NODES_DRAWN_MAX || graph.edges.length > EDGES_DRAWN_MAX;
  return (
    <>
      {isCut ? (
        <p class="notice warning" role="status">
          There is more than can be shown. The picture has the <span safe>{String(NODES_DRAWN_MAX)}</span> nearest cards
          at most, and <span safe>{String(EDGES_DRAWN_MAX)}</span> lines.
        </p>
      ) : (
        ""
      )}
      <figure class="chart" aria-label="The graph">
        {/* On a phone the picture is wider than the screen, for else nobody could read it. */}
        <div class="pan" tabindex="0">
          <GraphPicture graph={graph} />
        </div>
        <ul class="legend" role="list">
          {EDGE_TYPES.map((type, index) => (
            <li class={`series-${index}`} safe>
              {type}
            </li>
          ))}
        </ul>
        <details class="as-table">
          <summary>As a table</summary>
          <DataTable
            caption="Cards around this one, the nearest first"
            columns={columns}
            rows={graph.nodes.slice(0, NODES_DRAWN_MAX)}
            empty="No cards."
          />
        </details>
      </figure>
    </>
  );
}
