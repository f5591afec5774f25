// The graph around a card as a picture: laid out here by forces, the same each time, with every card a link.

import { Html } from "@kitajs/html";
import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceRadial,
  forceSimulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from "d3-force";
import type { Graph } from "../../src/attributions/model.ts";
import { attribute } from "../components/text.tsx";
import { cardName } from "./pieces.tsx";

/** The colours of the edges' types, in the order of the legend. */
export const EDGE_TYPES = ["citation", "remix", "reply", "inspiration"];
const SERIES = Object.fromEntries(EDGE_TYPES.map((type, index) => [type, `series-${index}`]));

type GraphNode = Graph["nodes"][number];
type Placed = SimulationNodeDatum & { card: GraphNode; radius: number };
type Link = SimulationLinkDatum<Placed> & { type: string };

/** Nodes that are drawn: more can hardly be told apart, and take longer to find, lay out and list than a page may. */
export const NODES_DRAWN_MAX = 300;
/** Lines between them. */
export const EDGES_DRAWN_MAX = 1_500;
/** Work that is spent on a layout, in nodes moved: 300 of them move 7 times, few of them until they are at rest. */
const MOVES_MAX = 2_100;
const STEPS_MAX = 120;
/** Between the rings on which cards of the same distance stand, and between neighbours on a ring. */
const RING = 150;
const NEIGHBOUR = 16;
const MARGIN = 24;
const LABELS_MAX = 24;
const LABEL_CHARACTERS_MAX = 28;
/** Of the letters, in units of their size. */
const CHARACTER_WIDTH = 0.58;
const LINE_HEIGHT = 1.35;
/** A picture of this height has letters of 12 units; in a higher one they grow, so that they stay readable. */
const HEIGHT_FOR_12 = 560;

export function GraphPicture({ graph }: { graph: Graph }) {
  const { nodes, links } = layOut(graph);
  const box = frameOf(nodes);
  const letters = Math.max(12, (12 * box.height) / HEIGHT_FOR_12);
  const labelled = chooseLabels(nodes, graph.center, letters);
  return (
    <svg class="graph" viewBox={`${box.left} ${box.top} ${box.width} ${box.height}`} font-size={letters.toFixed(1)}>
      <g>
        {links.map(({ source, target, type }) => {
          const [from, to] = [source as Placed, target as Placed];
          return <line class={SERIES[type] ?? ""} x1={at(from.x)} y1={at(from.y)} x2={at(to.x)} y2={at(to.y)} />;
        })}
      </g>
      {nodes.map(({ card, radius, x, y }) => (
        <a href={`/admin/cards/${encodeURIComponent(card.id)}`} aria-label={attribute(cardName(card))}>
          <circle
            class={card.id === graph.center ? "node center" : `node depth-${card.depth}`}
            cx={at(x)}
            cy={at(y)}
            r={radius.toFixed(1)}
          >
            <title safe>{`${cardName(card)}, by ${card.author.username}, earned ${card.extropy_earned}`}</title>
          </circle>
        </a>
      ))}
      {/* Over all cards, and not in the way of the pointer. */}
      {nodes
        .filter(({ card }) => labelled.has(card.id))
        .map(({ card, radius, x, y }) => (
          <text x={at(x)} y={at((y ?? 0) - radius - 4)} text-anchor="middle" safe>
            {shorten(cardName(card))}
          </text>
        ))}
    </svg>
  );
}

function layOut(graph: Graph): { nodes: Placed[]; links: Link[] } {
  // The nearest come first.
  const nodes = graph.nodes.slice(0, NODES_DRAWN_MAX).map(
    (card): Placed => ({
      card,
      radius: 4 + 2.2 * Math.log2(1 + Number(card.extropy_earned)) ** 0.8,
      ...(card.id === graph.center ? { fx: 0, fy: 0 } : {}),
    }),
  );
  const byId = new Map(nodes.map(node => [node.card.id, node]));
  const links = graph.edges
    .flatMap(({ source, target, type }): Link[] => {
      const [cited, citing] = [byId.get(source), byId.get(target)];
      return cited && citing ? [{ source: cited, target: citing, type }] : [];
    })
    .slice(0, EDGES_DRAWN_MAX);
  const radii = ringsOf(nodes);
  spread(nodes, radii);
  const steps = Math.min(STEPS_MAX, Math.ceil(MOVES_MAX / Math.max(1, nodes.length)));
  forceSimulation(nodes)
    .alphaDecay(1 - 0.001 ** (1 / steps))
    .force("link", forceLink<Placed, Link>(links).distance(RING).strength(0.06))
    .force("charge", forceManyBody<Placed>().strength(-60).distanceMax(200))
    .force(
      "collide",
      forceCollide<Placed>(({ radius }) => radius + 2),
    )
    .force("ring", forceRadial<Placed>(({ card }) => radii[card.depth] ?? 0).strength(0.9))
    .stop()
    .tick(steps);
  return { nodes, links };
}

/** The radius of each ring: wide enough for all that stand on it. */
function ringsOf(nodes: readonly Placed[]): number[] {
  const radii = [0];
  for (let depth = 1; depth <= 3; depth++) {
    const count = nodes.filter(({ card }) => card.depth === depth).length;
    radii.push(Math.max((radii[depth - 1] ?? 0) + RING, (count * NEIGHBOUR) / (2 * Math.PI)));
  }
  return radii;
}

/** Evenly over their rings, where the forces begin. */
function spread(nodes: readonly Placed[], radii: readonly number[]): void {
  for (const [depth, ring] of Map.groupBy(nodes, ({ card }) => card.depth)) {
    for (const [place, node] of ring.entries()) {
      const angle = (2 * Math.PI * place) / ring.length;
      node.x = Math.cos(angle) * (radii[depth] ?? 0);
      node.y = Math.sin(angle) * (radii[depth] ?? 0);
    }
  }
}

/** The smallest rectangle around all, but not so small that a single card fills the screen. */
function frameOf(nodes: readonly Placed[]) {
  const reach = (pick: (node: Placed) => number) => nodes.map(pick);
  const left = Math.floor(Math.min(-380, ...reach(({ x = 0, radius }) => x - radius))) - MARGIN;
  const right = Math.ceil(Math.max(380, ...reach(({ x = 0, radius }) => x + radius))) + MARGIN;
  const top = Math.floor(Math.min(-170, ...reach(({ y = 0, radius }) => y - radius))) - MARGIN;
  const bottom = Math.ceil(Math.max(170, ...reach(({ y = 0, radius }) => y + radius))) + MARGIN;
  return { left, top, width: right - left, height: bottom - top };
}

/** The cards that earned most, and the one in the middle, as long as their names don't cover each other. */
function chooseLabels(nodes: readonly Placed[], center: string, letters: number): ReadonlySet<string> {
  const chosen: { id: string; left: number; right: number; bottom: number }[] = [];
  const rank = ({ card, radius }: Placed) => (card.id === center ? Number.POSITIVE_INFINITY : radius);
  for (const node of [...nodes].sort((a, b) => rank(b) - rank(a)).slice(0, LABELS_MAX)) {
    const half = ([...shorten(cardName(node.card))].length * CHARACTER_WIDTH * letters) / 2;
    const [x, bottom] = [node.x ?? 0, (node.y ?? 0) - node.radius];
    const isCovered = chosen.some(
      other =>
        x - half < other.right && x + half > other.left && Math.abs(bottom - other.bottom) < LINE_HEIGHT * letters,
    );
    if (!isCovered) chosen.push({ id: node.card.id, left: x - half, right: x + half, bottom });
  }
  return new Set(chosen.map(({ id }) => id));
}

function shorten(name: string): string {
  const characters = [...name];
  return characters.length > LABEL_CHARACTERS_MAX ? `${characters.slice(0, LABEL_CHARACTERS_MAX - 1).join("")}…` : name;
}

function at(value: number | undefined): string {
  return (value ?? 0).toFixed(1);
}
