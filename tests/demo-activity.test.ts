// The simulated year behind `bun run seed-demo`, its arguments and its progress, without a database.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readArguments } from "../src/commands/seed-demo-arguments.ts";
import { readConfig } from "../src/config.ts";
import { Activity, type ActivityOptions } from "../src/demo/activity.ts";
import { legsOf } from "../src/demo/activity-model.ts";
import { formatCents, readAmounts } from "../src/demo/amounts.ts";
import { formatMoment } from "../src/demo/calendar.ts";
import { mix32, Random, STREAM, uuidOf } from "../src/demo/random.ts";
import { Progress } from "../src/progress.ts";
import { UsageError } from "../src/usage-error.ts";

setDefaultTimeout(60_000);

const NOW = Date.UTC(2026, 0, 31, 12);
const amounts = readAmounts(readConfig({}));

function live(options: Partial<ActivityOptions>) {
  const activity = new Activity({
    users: 20,
    entries: 3000,
    seed: 1,
    untilMs: NOW,
    amounts,
    rewardsPerDay: 1000,
    ...options,
  });
  while (!activity.isDone) activity.step();
  return activity.year;
}

describe("a year", () => {
  const free = { citation: 0, remix: 0, reply: 0, inspiration: 0 };
  const years: [string, Partial<ActivityOptions>][] = [
    ["the usual", {}],
    ["two people", { users: 2 }],
    ["nothing but grants", { users: 500, entries: 500 }],
    ["one entry more than people", { users: 500, entries: 501 }],
    ["one reward a day", { rewardsPerDay: 1, users: 3 }],
    ["no limit of rewards", { rewardsPerDay: 0 }],
    ["citations that cost nothing", { amounts: { ...amounts, attribution: free } }],
    ["citations that cost more than anybody has", { amounts: { ...amounts, attribution: { ...free, citation: 1e8 } } }],
  ];
  test.each(years)("keeps the rules: %s", (_, options) => {
    const year = live(options);
    const balances = new Map<number, number>();
    const rewards = new Map<string, number>();
    let entries = 0;
    let last = 0;
    for (let movement = 0; movement < year.movements.count; movement++) {
      const at = year.movements.at[movement] as number;
      expect(at).toBeGreaterThan(last);
      last = at;
      for (const { user, cents, type } of legsOf(year, movement)) {
        const balance = (balances.get(user) ?? 0) + cents;
        expect(balance).toBeGreaterThanOrEqual(0);
        balances.set(user, balance);
        entries++;
        if (type !== "publish_reward") continue;
        const day = `${user} ${formatMoment(at).slice(0, 10)}`;
        rewards.set(day, (rewards.get(day) ?? 0) + 1);
      }
    }
    expect(last).toBeLessThanOrEqual(NOW * 1000);
    expect(entries).toBe(options.entries ?? 3000);
    expect(year.users.joined).toBe(options.users ?? 20);
    const limit = options.rewardsPerDay ?? 1000;
    if (limit > 0) expect(Math.max(0, ...rewards.values())).toBeLessThanOrEqual(limit);
  });

  test("no card cites itself, its author's, a withdrawn one, or the same one twice the same way", () => {
    const { cards, attributions } = live({});
    const seen = new Set<string>();
    for (let index = 0; index < attributions.count; index++) {
      const [source, target] = [attributions.source[index] as number, attributions.target[index] as number];
      expect(cards.author[source]).not.toBe(cards.author[target]);
      for (const card of [source, target]) {
        const withdrawnAt = cards.withdrawnAt[card] as number;
        expect(withdrawnAt === 0 || withdrawnAt > (attributions.at[index] as number)).toBe(true);
      }
      seen.add(`${source} ${target} ${attributions.type[index]}`);
    }
    expect(seen.size).toBe(attributions.count);
    expect(attributions.count).toBeGreaterThan(1000);
  });

  test("success breeds success, and activity grows", () => {
    const { cards, movements } = live({ users: 200, entries: 20_000 });
    const citations = [...cards.citations.subarray(0, cards.count)].sort((a, b) => b - a);
    const tenth = citations.slice(0, Math.ceil(cards.count / 10));
    const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
    expect(sum(tenth) / sum(citations)).toBeGreaterThan(0.35);
    const middle = (NOW - (365 / 2) * 86_400_000) * 1000;
    const early = movements.at.subarray(0, movements.count).filter(at => at < middle).length;
    expect(early / movements.count).toBeLessThan(0.35);
  });
});

describe("arguments", () => {
  const read = (...args: string[]) => readArguments(args, NOW);

  test("have defaults", () => {
    expect(read()).toEqual({ users: 50, entries: 2000, seed: 1, untilMs: NOW, keys: 1, keyFile: undefined });
    expect(read("--users", "5000")).toMatchObject({ users: 5000, entries: 5000 });
    expect(read("-h")).toHaveProperty("help");
  });

  test.each([
    [["--users", "2"], { users: 2 }],
    [["--users", "1000000"], { users: 1_000_000, entries: 1_000_000 }],
    [["--users", "2", "--entries", "2"], { entries: 2 }],
    [["--users", "2", "--entries", "40000"], { entries: 40_000 }],
    [["--users", "500", "--entries", "10000000"], { entries: 10_000_000 }],
    [["--seed", "0"], { seed: 0 }],
    [["--seed", "4294967295"], { seed: 4_294_967_295 }],
    [["--keys", "0"], { keys: 0 }],
    [["--keys", "1000"], { keys: 1000 }],
    [["--until", "2000-01-01T00:00:00Z"], { untilMs: Date.UTC(2000, 0, 1) }],
    [["--until", "2026-01-31T12:00Z"], { untilMs: NOW }],
  ])("at their limits: %j", (args, expected) => {
    expect(read(...args)).toMatchObject(expected);
  });

  test.each([
    [["--users", "1"], "--users is 1. It takes a whole number from 2 to 1,000,000."],
    [["--users", "1000001"], "--users is 1000001."],
    [["--users", "2", "--entries", "1"], "--entries is 1. It takes a whole number from 2 to 40,000 with --users 2."],
    [["--users", "2", "--entries", "40001"], "--entries is 40001."],
    [["--users", "501", "--entries", "10000001"], "from 501 to 10,000,000"],
    [["--entries", "1e3"], "--entries is 1e3."],
    [["--entries", ""], "--entries is ."],
    [["--seed", "-1"], "'--seed'"],
    [["--seed=-1"], "--seed is -1. It takes a whole number from 0 to 4,294,967,295."],
    [["--seed", "4294967296"], "--seed is 4294967296."],
    [["--seed", "1.5"], "--seed is 1.5."],
    [["--keys", "1001"], "--keys is 1001. It takes a whole number from 0 to 1,000."],
    [["--until", "1999-12-31T23:59:59Z"], "--until is 1999-12-31T23:59:59Z."],
    [["--until", "2026-01-31T12:01Z"], "until now."],
    [["--until", "yesterday"], "--until is yesterday."],
    [["--with-keys", ""], "--with-keys takes the name of a file."],
    [["--nonsense"], "'--nonsense'"],
    [["more"], "'more'"],
  ])("refused with their limits: %j", (args, message) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(message);
  });
});

describe("numbers and ids", () => {
  test("a sequence follows from seed, stream and index", () => {
    const draw = (...from: ConstructorParameters<typeof Random>) => new Random(...from).next();
    expect(draw(1, 2, 3)).toBe(draw(1, 2, 3));
    expect(new Set([draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(2 ** 32 - 1, 2, 3)]).size).toBe(5);
    const random = new Random(1, STREAM.activity);
    const mean = Array.from({ length: 10_000 }, () => random.fraction()).reduce((sum, x) => sum + x) / 10_000;
    expect(mean).toBeCloseTo(0.5, 1);
  });

  test("mix32 is MurmurHash3's finaliser", () => {
    expect([mix32(0), mix32(1)]).toEqual([0, 0x514e28b7]);
  });

  test("ids are UUIDs of version 7 for their moment", () => {
    expect(uuidOf(NOW, 1, STREAM.card, 5)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(Number.parseInt(uuidOf(NOW, 1, STREAM.card, 5).replace("-", "").slice(0, 12), 16)).toBe(NOW);
    expect(new Set(Array.from({ length: 1000 }, (_, index) => uuidOf(NOW, 1, STREAM.card, index).slice(-8))).size).toBe(
      1000,
    );
  });

  test("amounts and moments are as PostgreSQL prints and reads them", () => {
    expect([0, 5, -5, 100, -12_345, 1e15].map(formatCents)).toEqual([
      "0.00",
      "0.05",
      "-0.05",
      "1.00",
      "-123.45",
      "10000000000000.00",
    ]);
    expect(formatMoment(NOW * 1000 + 7)).toBe("2026-01-31T12:00:00.000007Z");
    expect(formatMoment(Date.UTC(2025, 1, 28, 23, 59, 59, 999) * 1000 + 999)).toBe("2025-02-28T23:59:59.999999Z");
  });
});

test.each([
  [true, ["\r\x1b[Kstep 50%, 50 of 100, 50/s, 1 s left", "\r\x1b[K"]],
  [false, []],
])("progress is told when it is due (on a terminal: %p)", (isTerminal, expected) => {
  const written: string[] = [];
  let now = 0;
  const progress = new Progress({ write: text => void written.push(text), isTerminal, now: () => now });
  progress.begin("step", 100);
  now = 100;
  progress.advance(10);
  now = 1000;
  progress.advance(40);
  progress.end();
  expect(written).toEqual(expected);
  now = 6000;
  progress.advance(10);
  expect(written.at(-1)).toBe(
    `${isTerminal ? "\r\x1b[K" : ""}step 60%, 60 of 100, 10/s, 4 s left${isTerminal ? "" : "\n"}`,
  );
});
