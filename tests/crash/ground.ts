// The ground of a round: what is done before its load, so that all clients know of it for certain. Each writer publishes a
// card, is given something, and pays and cites the next one; all of which operators may reverse later.

import { type Actor, type Asked, adjust, amountOf, cite, type Leg, type Movement, publish, transfer } from "./asked.ts";
import { Client, type Dice } from "./client.ts";
import type { Journal } from "./journal.ts";
import type { Ground } from "./knowledge.ts";
import type { Stage } from "./stage.ts";

/** Enough for the largest of the payments below, and the citation. */
const BONUS = "2.00";
/** A writer's payment tells which one it was: 0.10, 0.11 and so on, up to 1.37 with 128 writers. */
const PAID_CENTS_MIN = 10;

export type GroundOptions = Readonly<{ no: number; journal: Journal; diceOf: (writer: number, no: number) => Dice }>;

type Answer = { transaction_id: string; attribution: { id: string }; cards: { id: string }[] };
/** What was moved, by the id of its transaction or attribution. */
type Moved = Readonly<{ ref: string; legs: readonly Leg[] }>;

/** Lays the ground. Every part of it succeeds, unless a fault was planted: then the judge has a word about what is missing. */
export async function layGround(stage: Stage, { no, journal, diceOf }: GroundOptions): Promise<Ground> {
  const { writers, operator, starter, plant } = stage;
  const keyOf = (writer: Actor, what: string) => `round-${no}-ground-${writer.name}-${what}`;
  const clients = writers.map((writer, index) => {
    let asked = 0;
    const common = {
      baseUrl: starter.baseUrl,
      journal,
      diceOf: () => diceOf(index, ++asked),
      keyOfRetry: plant.keyOfRetry,
    };
    return { own: new Client({ ...common, actor: writer }), operating: new Client({ ...common, actor: operator }) };
  });

  async function publishCard(writer: Actor, index: number) {
    const content = `The card that ${writer.name} has at the beginning of round ${no}.`;
    const cards = [{ title: keyOf(writer, "card"), content, privacy_level: "IDEAS" }];
    const answer = await read(clients[index]?.own, publish({ key: keyOf(writer, "card"), user: writer.id, cards }));
    return { id: answer?.cards[0]?.id ?? "", owner: writer.id };
  }
  const cards = (await Promise.all(writers.map(publishCard))).filter(({ id }) => id !== "");

  async function move(writer: Actor, index: number): Promise<Moved[]> {
    const key = (what: string) => keyOf(writer, what);
    const payee = writers[(index + 1) % writers.length];
    const [source, target] = [payee, writer].map(actor => cards.find(({ owner }) => owner === actor?.id));
    if (!payee || !source || !target) return [];
    const [user, amount] = [writer.id, amountOf(PAID_CENTS_MIN + index)];
    const leg = { user, amount: BONUS };
    const { own, operating } = clients[index] ?? {};
    // In this order, since the account may have nothing else.
    return [
      ...(await moved(operating, adjust({ key: key("bonus"), operator: operator.id, type: "bonus", leg }))),
      ...(await moved(own, transfer({ key: key("transfer"), user, payee, amount }))),
      ...(await moved(own, cite({ key: key("cite"), user, source, target: target.id, type: "reply" }))),
    ];
  }
  const movements = (await Promise.all(writers.map(move))).flat();
  return { writers, cards, movements: await findEntries(stage, movements) };
}

async function moved(client: Client | undefined, asked: Asked): Promise<Moved[]> {
  const answer = await read(client, asked);
  return answer ? [{ ref: answer.attribution?.id ?? answer.transaction_id, legs: asked.legs }] : [];
}

async function read(client: Client | undefined, asked: Asked): Promise<Answer | undefined> {
  const came = await client?.ask(asked);
  return came && JSON.parse(came.text);
}

/** The answers name no entries, by which operators reverse. */
async function findEntries({ sql }: Stage, movements: readonly Moved[]): Promise<Movement[]> {
  const refs = movements.map(({ ref }) => ref);
  const rows = await sql<{ id: string; refs: string[] }[]>`
    SELECT id::text, ARRAY[transaction_id::text, attribution_id::text] AS refs FROM extropy_ledger
    WHERE leg = 1 AND (transaction_id = ANY (${refs}::uuid[]) OR attribution_id = ANY (${refs}::uuid[]))
    LIMIT ${refs.length}`;
  const ids = new Map(rows.flatMap(({ id, refs }) => refs.map(ref => [ref, id] as const)));
  return movements.flatMap(({ ref, legs }) => {
    const entryId = ids.get(ref);
    return entryId ? [{ entryId, legs }] : [];
  });
}
