// Everything at once: commands of all kinds, by few users, in two processes, many with a repetition beside them, while
// somebody watches that no token comes from nowhere. MIXED_COMMANDS sets how many there are (10,000: 16 s).

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";

import { sumAmounts } from "../src/money.ts";
import { type Answer, type Api, createApi, type Member, newCard } from "./api-support.ts";
import { expectBalancedBooks } from "./books-support.ts";
import { adjust, type Moved, reverse } from "./operator-support.ts";

setDefaultTimeout(300_000);

const COMMANDS = Number(process.env.MIXED_COMMANDS ?? 2_000);
const AT_A_TIME = 64;
const USERS = 20;

/** The same random numbers in every run (a linear congruential generator, Numerical Recipes). */
let seed = 20261122;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

let processes: [Api, Api];
beforeAll(async () => {
  const first = await createApi();
  processes = [first, await createApi({}, { sql: first.sql, url: first.url })];
});

type Done = Answer<Moved & { extropy_earned: string; cards: { id: string }[]; attribution: { id: string } }>;
type Command = { kind: string; by: Member; send(on: Api): Promise<Done> };

test(`${COMMANDS} mixed commands leave the books right to the cent, and every key applied once`, async () => {
  const [api] = processes;
  const users = await Promise.all(Array.from({ length: USERS }, () => api.register()));
  const admins = await Promise.all([api.registerOperator("admin"), api.registerOperator("admin")]);
  const cards = new Map<string, string[]>();
  for (const user of users) cards.set(user.id, [(await api.publishCard(user.key)).id]);
  /** Those that the watcher has seen. */
  const entries: string[] = [];
  const done = new Map<string, { kind: string; answers: Done[] }>();

  const post = (path: string, who: Member, body: unknown, idempotencyKey: string) => (on: Api) =>
    on.call("POST", path, { key: who.key, body, headers: { "idempotency-key": idempotencyKey } }) as Promise<Done>;

  function next(idempotencyKey: string): Command {
    const [one, other] = [pick(users), pick(users)];
    const chance = random();
    if (chance < 0.25) {
      const body = { cards: [newCard()] };
      return { kind: "publish", by: one, send: post("/api/publish", one, body, idempotencyKey) };
    }
    if (chance < 0.55) {
      const [source, target] = [pick(cards.get(other.id) ?? []), pick(cards.get(one.id) ?? [])];
      const attribution_type = pick(["citation", "remix", "reply", "inspiration"]);
      const body = { source_card_id: source, target_card_id: target, attribution_type };
      return { kind: "cite", by: one, send: post("/api/attributions", one, body, idempotencyKey) };
    }
    const amount = `${Math.floor(random() * 6)}.${10 + Math.floor(random() * 90)}`;
    if (chance < 0.8) {
      return {
        kind: "transfer",
        by: one,
        send: post("/api/transfers", one, { to_user: other.id, amount }, idempotencyKey),
      };
    }
    const admin = pick(admins);
    const entry = pick(entries);
    if (chance < 0.9 || entry === undefined) {
      const type = pick(["bonus", "penalty", "admin_adjustment"]);
      return {
        kind: "adjust",
        by: admin,
        send: on => adjust(on, admin, one.id, { type, amount }, idempotencyKey) as Promise<Done>,
      };
    }
    return {
      kind: "reverse",
      by: admin,
      send: on => reverse(on, admin, entry, undefined, idempotencyKey) as Promise<Done>,
    };
  }

  let isOver = false;
  const supplies: string[] = [];
  const watch = async () => {
    while (!isOver) {
      const [now] = await processes[0].sql<{ circulating: string; balances: string }[]>`
        SELECT (SELECT sum(issued) - sum(burned) FROM extropy_supply) AS circulating,
          (SELECT sum(extropy_balance) FROM users) AS balances`;
      expect(now?.circulating).toBe(now?.balances ?? "");
      supplies.push(now?.balances ?? "");
      const seen = await processes[0].sql<{ id: string }[]>`SELECT id FROM extropy_ledger ORDER BY id DESC LIMIT 20`;
      entries.push(...seen.map(({ id }) => id));
      await Bun.sleep(20);
    }
  };

  let started = 0;
  const work = async () => {
    while (started < COMMANDS) {
      const no = started++;
      const { kind, by, send } = next(`mixed-${no}`);
      // Every eighth is sent a second time at the same moment, to the other process.
      const twice = no % 8 === 0 ? processes : [pick(processes)];
      const answers = await Promise.all(twice.map(send));
      done.set(`mixed-${no}`, { kind, answers });
      const { body, status } = answers[0] as Done;
      if (kind === "publish" && status === 201) {
        cards.get(by.id)?.push(body.cards[0]?.id ?? "");
      }
    }
  };
  const watching = watch();
  await Promise.all(Array.from({ length: AT_A_TIME }, work)).finally(() => {
    isOver = true;
  });
  await watching;

  const counts: Record<string, number> = {};
  let applied = 0;
  const effects: string[] = [];
  for (const [key, { kind, answers }] of done) {
    for (const { status, text } of answers) {
      counts[`${kind} ${status}`] = (counts[`${kind} ${status}`] ?? 0) + 1;
      expect([key, status, status < 500, text]).toEqual([key, status, true, text]);
    }
    // What was refused may be done when it is asked for again: then one answer is the refusal.
    const successes = answers.filter(({ status }) => status < 300);
    if (successes.length === 0) continue;
    applied++;
    expect([key, new Set(successes.map(({ text }) => text)).size]).toEqual([key, 1]);
    expect([key, successes.filter(({ headers }) => !headers.has("idempotency-replayed")).length]).toEqual([key, 1]);
    const { body } = successes[0] as Done;
    if (kind === "publish") effects.push(body.extropy_earned);
    if (kind === "adjust" || kind === "reverse") effects.push(...body.entries.map(({ amount }) => amount));
  }
  expect(new Set(Object.keys(counts).map(count => count.split(" ")[0]))).toEqual(
    new Set(["publish", "cite", "transfer", "adjust", "reverse"]),
  );
  for (const kind of ["publish", "cite", "transfer", "adjust", "reverse"])
    expect(counts[`${kind} 201`]).toBeGreaterThan(0);

  const [end] = await api.sql<{ records: number; total: string; deadlocks: number }[]>`
    SELECT (SELECT count(*)::int FROM idempotency_records WHERE starts_with(key, 'mixed-')) AS records,
      (SELECT sum(extropy_balance) FROM users) AS total,
      (SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()) AS deadlocks`;
  const opening = sumAmounts([...users.map(() => "11.00"), ...admins.map(() => "10.00")]);
  expect(end).toEqual({ records: applied, total: sumAmounts([opening, ...effects]), deadlocks: 0 });
  expect(supplies.length).toBeGreaterThan(1);
  await expectBalancedBooks(api.sql);
});
