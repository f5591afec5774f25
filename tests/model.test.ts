// A short run of the model (`bun run test:model` for a long one), and the proof that it would see a server that does
// something else than it should: each planted fault must be found.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readArguments } from "./model/arguments.ts";
import { type Send, sendOnce } from "./model/history.ts";
import { runModel } from "./model/run.ts";

const HISTORIES = Number(process.env.MODEL_HISTORIES ?? 10);
const SEED = Number(process.env.MODEL_SEED ?? 20261122);

setDefaultTimeout(120_000 + HISTORIES * 5_000);

test(`${HISTORIES} random histories go on the server as they do in the model`, async () => {
  const { counts, failure } = await runModel({ histories: HISTORIES, seed: SEED });
  expect(failure).toBeUndefined();
  const kinds = new Set([...counts.keys()].map(outcome => outcome.split(" ")[0]));
  expect(kinds.size).toBe(7);
  for (const outcome of ["publish 201", "publish 200", "attribute 201", "transfer 201", "transfer 402", "adjust 201"]) {
    expect(counts.get(outcome)).toBeGreaterThan(0);
  }
  for (const outcome of ["reverse 201", "withdraw 204", "transfer replayed", "transfer 401"]) {
    expect(counts.get(outcome)).toBeGreaterThan(0);
  }
});

/** Servers that are wrong: what they do about one kind of request. */
const faults: Readonly<Record<string, Send>> = {
  "a transfer is made twice": async (stage, command, key) => {
    const reply = await sendOnce(stage, command, key);
    if (command.kind === "transfer" && reply.status === 201) {
      await sendOnce(stage, { ...command, key: crypto.randomUUID() }, key);
    }
    return reply;
  },
  "a transfer is confirmed and not made": async (stage, command, key) => {
    if (command.kind !== "transfer" || command.body?.to_user === command.by) return sendOnce(stage, command, key);
    const { amount } = command.body as { amount: string };
    const balance = (10 - Number(amount)).toFixed(2);
    return { status: 201, body: { transaction_id: crypto.randomUUID(), amount, balance }, isReplayed: false };
  },
  "a key is forgotten": (stage, command, key) =>
    sendOnce(stage, command.key === undefined ? command : { ...command, key: crypto.randomUUID() }, key),
  "a key is anybody's": async (stage, command, key) => {
    const reply = await sendOnce(stage, command, key);
    return command.kind === "transfer" && reply.status === 422 ? { ...reply, status: 201 } : reply;
  },
  "a card is rewarded again": async (stage, command, key) => {
    if (command.kind !== "publish") return sendOnce(stage, command, key);
    const cards = (command.body?.cards ?? []) as { content: string }[];
    const others = cards.map(card => ({ ...card, content: `${card.content} ${crypto.randomUUID()}` }));
    return sendOnce(stage, { ...command, body: { cards: others } }, key);
  },
  "a balance is told that is not the account's": async (stage, command, key) => {
    const reply = await sendOnce(stage, command, key);
    return command.kind === "adjust" && reply.status === 402
      ? { ...reply, body: { ...reply.body, balance: "0.00" } }
      : reply;
  },
  "a deactivated account goes on paying": async (stage, command, key) => {
    const reply = await sendOnce(stage, command, key);
    if (reply.status !== 401) return reply;
    const reason = "planted";
    const who = { kind: "set-active", by: stage.admin.id, method: "POST", process: 0, body: { reason } } as const;
    const path = `/api/admin/users/${command.by}/`;
    await sendOnce(stage, { ...who, path: `${path}activate` }, stage.admin.key);
    const paid = await sendOnce(stage, command, key);
    await sendOnce(stage, { ...who, path: `${path}deactivate` }, stage.admin.key);
    return paid;
  },
  "a withdrawn card stays": async (stage, command, key) =>
    command.kind === "withdraw" ? { status: 204, body: {}, isReplayed: false } : sendOnce(stage, command, key),
  "an entry comes from nowhere": async (stage, command, key) => {
    const reply = await sendOnce(stage, command, key);
    if (command.kind === "publish" && reply.status === 201) {
      await stage.api.sql`
        INSERT INTO extropy_ledger (user_id, transaction_type, amount, balance_before, balance_after)
        SELECT id, 'bonus', 5.00, extropy_balance, extropy_balance + 5.00 FROM users WHERE id = ${command.by}`.catch(
        () => [],
      );
    }
    return reply;
  },
};

test.each(Object.keys(faults))("the model sees a planted fault: %s", async name => {
  const { failure } = await runModel({ histories: 40, seed: SEED, send: faults[name] as Send, shrink: false });
  expect(failure).toMatch(/No order of these requests|expect\(received\)/);
});

test("a first answer that was lost on the way is told from one that was never given: the request came twice", async () => {
  const send: Send = async (stage, command, key) => {
    const reply = await sendOnce(stage, command, key);
    const isLost = command.kind === "publish" && reply.status === 201 && !reply.isReplayed;
    return isLost ? sendOnce(stage, command, key, reply.requestId) : reply;
  };
  const { failure } = await runModel({ histories: 40, seed: SEED, send, shrink: false });
  expect(failure).toMatch(/POST \/api\/publish .*, came 2 times\n +-> 201 replayed/);
});

test("its arguments are read, and wrong ones refused with the help", () => {
  expect(readArguments(["--histories", "3", "--seed", "7"])).toEqual({ histories: 3, seed: 7 });
  expect(readArguments([])).toMatchObject({ histories: 200 });
  for (const wrong of [["--histories", "0"], ["--seed", "-1"], ["more"]]) {
    expect(() => readArguments(wrong)).toThrow("Usage: bun run test:model");
  }
});
