// One round: the ground, clients at full load, a kill at a random moment, the restart, and more load until the clients have
// shown that the server is back; then they settle what is open. All that is random follows from the seed and the round alone.

import { Random } from "../../src/demo/random.ts";
import { isAlive } from "../../src/processes.ts";
import { StartError } from "../../src/start-error.ts";
import { watchAsBystander } from "./bystander.ts";
import { Client, type Dice } from "./client.ts";
import { layGround } from "./ground.ts";
import { Journal, type Kill, now } from "./journal.ts";
import { Knowledge } from "./knowledge.ts";
import { findPostmasterPid, killPostgres } from "./programs.ts";
import type { Stage } from "./stage.ts";

export type Program = Kill["program"];

/** What a round kills. `again`: the same once more, at a random moment of its start; `together`: the other one as well. */
export type Plan = Readonly<{ program: Program; again: boolean; together: boolean }>;

export type RoundOptions = Readonly<{ no: number; seed: number; clients: number; plan: Plan }>;

/** Streams of random numbers (src/demo/random.ts): when a kill comes, what is asked, and how each client goes about it. */
const STREAM = { kills: 100, bystander: 101, asking: 1_000, sending: 2_000, ground: 3_000 };
/** More requests than a client sends in a round. */
const REQUESTS_A_ROUND = 100_000;

/** A client in eight is an operator. */
const CLIENTS_AN_OPERATOR = 8;

/** Answers for each client before the kill (with a random pause, so that it comes at any moment) and after it. */
const BEFORE = { min: 2, max: 14, pauseMsMax: 100 };
const AFTER = { answers: 8, pauseMsMax: 100 };
/** The start of the server takes some 400 ms, that of PostgreSQL after a crash some 150 ms. */
const START_MS_MAX = { server: 450, PostgreSQL: 180 };
const BACK_MS_MAX = 60_000;
const POLL_MS = 5;

/** The random numbers of one request: whatever became of the requests before, they are the same. */
function rollDice(seed: number, stream: number, round: number, request: number): Random {
  return new Random(seed, stream, round * REQUESTS_A_ROUND + request);
}

/** Every other round kills PostgreSQL; of five rounds of a program one kills it again, and one the other one with it. */
export function planOf(no: number): Plan {
  const half = Math.floor((no - 1) / 2);
  return {
    program: no % 2 === 1 ? "server" : "PostgreSQL",
    again: half % 5 === 1 || half % 5 === 3,
    together: half % 5 === 4,
  };
}

/** Runs a round and leaves its journals. Throws StartError where the programs don't come back. */
export async function runRound(stage: Stage, { no, seed, clients: count, plan }: RoundOptions): Promise<void> {
  const random = new Random(seed, STREAM.kills, no);
  const folder = stage.journalsOf(no);
  const [kills, oddities, laying] = await Promise.all(
    ["kills", "bystander", "ground"].map(name => Journal.open(folder, name)),
  );
  if (!kills || !oddities || !laying) throw new Error("a journal is missing");
  const ground = await layGround(stage, {
    ...{ no, journal: laying },
    diceOf: (writer, request) => {
      const random = rollDice(seed, STREAM.ground + writer, no, request);
      return { asking: random, sending: random };
    },
  });
  await laying.close();
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => openClient(stage, { seed, no, index })),
  );
  const operators = clients.filter(({ isOperator }) => isOperator);
  let isOver = false;
  const begin = ({ client, actor, isOperator, name }: (typeof clients)[number], index: number) => {
    const share = (_: unknown, at: number) =>
      isOperator && at % operators.length === Math.floor(index / CLIENTS_AN_OPERATOR);
    const movements = ground.movements.filter(share);
    return client.run({
      ...{ name, knowledge: new Knowledge(actor, isOperator, { ...ground, movements }) },
      isOver: () => isOver,
    });
  };
  const bystander = { baseUrl: stage.starter.baseUrl, operator: stage.operator, journal: oddities };
  const running = Promise.all([
    ...clients.map(begin),
    watchAsBystander({ ...bystander, random: new Random(seed, STREAM.bystander, no) }, () => isOver),
  ]);
  const answered = () => clients.reduce((sum, { client }) => sum + client.answered, 0);
  try {
    await untilAnswered(answered, random.between(BEFORE.min * count, BEFORE.max * count), stage);
    await Bun.sleep(random.below(BEFORE.pauseMsMax));
    await kill(stage, plan, random, { journal: kills, clients: clients.map(({ client }) => client) });
    await untilAnswered(answered, answered() + AFTER.answers * count, stage);
    await Bun.sleep(random.below(AFTER.pauseMsMax));
  } catch (error) {
    for (const { client } of clients) client.abandon();
    throw error;
  } finally {
    isOver = true;
    await running;
    await Promise.all([kills, oddities, ...clients.map(({ journal }) => journal)].map(journal => journal.close()));
  }
}

async function openClient(stage: Stage, { seed, no, index }: { seed: number; no: number; index: number }) {
  const { starter, writers, operator, plant } = stage;
  const isOperator = index % CLIENTS_AN_OPERATOR === CLIENTS_AN_OPERATOR - 1;
  const actor = isOperator ? operator : (writers[index] ?? operator);
  const journal = await Journal.open(stage.journalsOf(no), `client-${String(index + 1).padStart(3, "0")}`);
  const diceOf = (request: number): Dice => ({
    asking: rollDice(seed, STREAM.asking + index, no, request),
    sending: rollDice(seed, STREAM.sending + index, no, request),
  });
  const client = new Client({ baseUrl: starter.baseUrl, actor, journal, diceOf, keyOfRetry: plant.keyOfRetry });
  return { client, actor, isOperator, journal, name: `round-${no}-client-${index + 1}` };
}

/** Who is under load when a kill comes, and where it is noted. */
export type Scene = Readonly<{ clients: readonly Pick<Client, "isOpen">[]; journal: Pick<Journal, "write"> }>;

async function kill(stage: Stage, plan: Plan, random: Random, scene: Scene): Promise<void> {
  const moments = plan.again ? (["load", "start"] as const) : (["load"] as const);
  for (const phase of moments) {
    if (phase === "start") await intoTheStart(stage, plan.program, random);
    await killOnce(stage, plan.program, phase, scene);
  }
  if (plan.together) {
    await Bun.sleep(random.below(50));
    await killOnce(stage, plan.program === "server" ? "PostgreSQL" : "server", "load", scene);
  }
  // PostgreSQL is started again by the server, which watches it.
  if (plan.program === "server" || plan.together) stage.server = await stage.starter.start();
}

/** Begins the start of what was killed, and waits for a random moment of it. */
async function intoTheStart(stage: Stage, program: Program, random: Random): Promise<void> {
  if (program === "server") stage.server = stage.starter.spawn();
  else {
    const deadline = performance.now() + BACK_MS_MAX;
    while (!findPostmasterPid(stage.dataDir)) {
      if (performance.now() > deadline) throw new StartError("PostgreSQL was not started again.");
      await Bun.sleep(1);
    }
  }
  await Bun.sleep(random.below(START_MS_MAX[program]));
}

/**
 * Kills it as soon as something is in flight. Requests share commits and are answered together: for a moment after that
 * all clients write into their journals, and a kill would meet nothing.
 */
export async function killOnce(
  stage: Pick<Stage, "server" | "dataDir">,
  program: Program,
  phase: Kill["phase"],
  { clients, journal }: Scene,
): Promise<void> {
  while (!clients.some(({ isOpen }) => isOpen)) await Bun.sleep(1);
  const at = now();
  if (program === "server") {
    stage.server.kill();
    await stage.server.exited;
  } else if (!killPostgres(stage.dataDir)) return;
  await journal.write({ type: "kill", at, program, phase });
}

async function untilAnswered(answered: () => number, count: number, stage: Stage): Promise<void> {
  const deadline = performance.now() + BACK_MS_MAX;
  while (answered() < count) {
    if (!isAlive(stage.server.pid)) {
      throw new StartError(`The server ended by itself. It says: ${stage.starter.lastWords()}`);
    }
    if (performance.now() > deadline) {
      throw new StartError(
        `The server did not answer for ${BACK_MS_MAX / 1000} s. It says: ${stage.starter.lastWords()}`,
      );
    }
    await Bun.sleep(POLL_MS);
  }
}
