// Commands that share commits: each has its own outcome, none is lost, and a failure stays with its own.

import { describe, expect, test } from "bun:test";
import { CommitSharing, type SharedKind } from "../src/commit-sharing.ts";

/** A kind that doubles numbers, keeps its batches, and fails as a whole where a batch holds a 13. */
function doubling(overrides: Partial<SharedKind<number, number>> = {}) {
  const batches: number[][] = [];
  const kind: SharedKind<number, number> = {
    name: "double",
    async execute(commands) {
      batches.push([...commands]);
      await Bun.sleep(5);
      if (commands.includes(13)) throw new Error("thirteen");
      return commands.map(command => command * 2);
    },
    claimsOf: () => [],
    weightOf: () => 1,
    ...overrides,
  };
  return { kind, batches };
}

describe("commands that share commits", () => {
  test("go at once when nothing is under way, and together when something is", async () => {
    const { kind, batches } = doubling();
    const sharing = new CommitSharing(kind, true);
    const outcomes = await Promise.all([1, 2, 3, 4].map(command => sharing.submit(command)));
    expect(outcomes).toEqual([2, 4, 6, 8]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  test("have their own outcomes when one of them fails in a way nobody expected", async () => {
    const { kind } = doubling();
    const sharing = new CommitSharing(kind, true);
    const settled = await Promise.allSettled([1, 12, 13, 14].map(command => sharing.submit(command)));
    expect(settled.map(result => (result.status === "fulfilled" ? result.value : "failed"))).toEqual([
      2,
      24,
      "failed",
      28,
    ]);
  });

  test("are all told when the database goes away, and none is tried again for them", async () => {
    const { kind, batches } = doubling({
      async execute(commands) {
        batches.push([...commands]);
        await Bun.sleep(5);
        if (commands.length > 1) throw Object.assign(new Error("gone"), { code: "CONNECTION_CLOSED" });
        return [...commands];
      },
    });
    const settled = await Promise.allSettled([1, 2, 3].map(command => new CommitSharing(kind, true).submit(command)));
    expect(settled.every(result => result.status === "fulfilled")).toBe(true);
    const sharing = new CommitSharing(kind, true);
    batches.length = 0;
    const together = await Promise.allSettled([1, 2, 3].map(command => sharing.submit(command)));
    expect(together.map(result => result.status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  test("with a claim in common go one after the other, in order", async () => {
    const { kind, batches } = doubling({ claimsOf: command => [String(command % 2)] });
    const sharing = new CommitSharing(kind, true);
    await Promise.all([1, 3, 2, 5, 4].map(command => sharing.submit(command)));
    expect(batches).toEqual([[1], [3, 2], [5, 4]]);
  });

  test("are bounded in weight and number, and one too heavy for company goes alone", async () => {
    const { kind, batches } = doubling({ weightOf: command => command });
    const sharing = new CommitSharing(kind, true);
    await Promise.all([1, 300, 90, 1, 5000, 2].map(command => sharing.submit(command)));
    expect(batches).toEqual([[1], [300, 90, 1], [5000], [2]]);
    const many = doubling();
    const line = new CommitSharing(many.kind, true);
    await Promise.all(Array.from({ length: 600 }, (_, n) => line.submit(n + 100)));
    expect(many.batches.map(batch => batch.length)).toEqual([1, 256, 256, 87]);
  });

  test("have at most two batches under way, the second only when it is full", async () => {
    let underWay = 0;
    const most: number[] = [];
    const { kind } = doubling({
      async execute(commands) {
        most.push(++underWay);
        await Bun.sleep(5);
        underWay--;
        return [...commands];
      },
    });
    const sharing = new CommitSharing(kind, true);
    await Promise.all(Array.from({ length: 200 }, (_, n) => sharing.submit(n)));
    expect(Math.max(...most)).toBe(1);
    await Promise.all(Array.from({ length: 2000 }, (_, n) => sharing.submit(n)));
    expect(Math.max(...most)).toBe(2);
  });

  test("send the next batch before those of the last one are answered", async () => {
    const order: string[] = [];
    const { kind } = doubling({
      async execute(commands) {
        order.push(`sent ${commands}`);
        await Bun.sleep(5);
        return [...commands];
      },
    });
    const sharing = new CommitSharing(kind, true);
    await Promise.all([1, 2, 3].map(async command => order.push(`answered ${await sharing.submit(command)}`)));
    expect(order).toEqual(["sent 1", "sent 2,3", "answered 1", "answered 2", "answered 3"]);
  });

  test("are refused when ten thousand wait", async () => {
    const { kind } = doubling();
    const sharing = new CommitSharing(kind, true);
    const submitted = Array.from({ length: 10_258 }, (_, n) => sharing.submit(n + 100));
    const settled = await Promise.allSettled(submitted);
    expect(settled.filter(result => result.status === "rejected").length).toBe(1);
  });

  test("are refused when those that wait weigh too much, whether or not they share", async () => {
    for (const isOn of [true, false]) {
      const { kind } = doubling({ weightOf: () => 1000 });
      const sharing = new CommitSharing(kind, isOn);
      const settled = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => sharing.submit(n + 100)));
      // Two are on their way where they share, and weigh nothing any more; alone all of them are.
      expect(settled.filter(result => result.status === "fulfilled").length).toBe(isOn ? 34 : 32);
      expect(await sharing.submit(1)).toBe(2);
    }
  });

  test("go alone and side by side when sharing is off", async () => {
    const { kind, batches } = doubling();
    const sharing = new CommitSharing(kind, false);
    expect(await Promise.all([1, 2, 3].map(command => sharing.submit(command)))).toEqual([2, 4, 6]);
    expect(batches).toEqual([[1], [2], [3]]);
  });
});
