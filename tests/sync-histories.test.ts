// Random histories of devices that edit, go away, come back, and lose requests and answers: in the end all devices
// and the server have the same, and every edit is in it, or somebody who saw it deleted it or decided against it.
//
// Every edit adds a token of its own to what the device shows. So what is missing in the end must be explained: by a
// deletion on a device that showed it, or by a conflict that was reported and decided for the other side. And what was
// deleted or taken back by somebody who saw it is not there in the end, unless somebody decided for it in a conflict: no
// device brings it back by coming late or by sending something twice. Taking back makes versions alike: A, B, and A again.
//
// SYNC_HISTORIES=2000 runs more than the 200 of every day; SYNC_SEED=… repeats a run.

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { EntityType } from "../src/client/protocol.ts";
import { type Conflict, type Decision, SyncClient } from "../src/client/sync-client.ts";
import { type Api, createApi } from "./api-support.ts";
import { deviceOptions, type Fault, network } from "./client-support.ts";
import { type Data, deviceOf } from "./sync-support.ts";

const HISTORIES = Number(process.env.SYNC_HISTORIES ?? 200);
const SEED = process.env.SYNC_SEED === undefined ? {} : { seed: Number(process.env.SYNC_SEED) };

setDefaultTimeout(60_000 + HISTORIES * 1_000);

let api: Api;
/** The same database behind another process. */
let other: Api;
beforeAll(async () => {
  api = await createApi({ PUBLISH_REWARDS_PER_DAY: "3" });
  other = await createApi({ PUBLISH_REWARDS_PER_DAY: "3" }, api);
});

type Choice = "local_wins" | "remote_wins" | "manual" | "later";

type Step =
  | { do: "edit" | "takeBack" | "remove"; device: number; entity: number }
  | { do: "restart"; device: number }
  | { do: "sync"; devices: number[]; faults: (Fault | undefined)[]; choice: Choice };

function steps(devices: number, lengthMax: number): fc.Arbitrary<Step[]> {
  const device = fc.nat(devices - 1);
  const target = { device, entity: fc.nat(ENTITIES.length - 1) };
  const fault = fc.constantFrom<Fault | undefined>(
    "request-lost",
    "answer-lost",
    "answer-cut",
    undefined,
    undefined,
    undefined,
  );
  const sync = fc.record({
    do: fc.constant("sync" as const),
    devices: fc.uniqueArray(device, { minLength: 1, maxLength: 3 }),
    faults: fc.array(fault, { maxLength: 5 }),
    choice: fc.constantFrom<Choice>("local_wins", "remote_wins", "manual", "later"),
  });
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("edit" as const), ...target }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), ...target }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), device }) },
    { weight: 6, arbitrary: sync },
  );
  return fc.array(step, { minLength: 5, maxLength: lengthMax });
}

const ENTITIES: readonly EntityType[] = ["settings", "session", "card", "card", "user_profile"];

/**
 * One setting of two devices, in rounds: one of them changes it and may not hear what became of that, the other one sees it,
 * takes it back or deletes it, and the first one sends once more what it could not know to be done.
 */
function alikeSteps(roundsMax: number): fc.Arbitrary<Step[]> {
  const act = fc.constantFrom("edit" as const, "takeBack" as const, "remove" as const);
  // A device that has nothing yet pulls before it pushes.
  const faults = fc.constantFrom<(Fault | undefined)[]>([], ["answer-lost"], [undefined, "answer-lost"]);
  const round = fc.record({ device: fc.nat(1), first: act, second: act, firstFaults: faults, secondFaults: faults });
  const sync = (device: number, faults: (Fault | undefined)[] = []): Step => ({
    do: "sync",
    devices: [device],
    faults,
    choice: "later",
  });
  return fc
    .array(round, { minLength: 2, maxLength: roundsMax })
    .map(rounds =>
      rounds.flatMap(({ device, first, second, firstFaults, secondFaults }): Step[] => [
        { do: first, device, entity: 0 },
        sync(device, firstFaults),
        sync(1 - device),
        { do: second, device: 1 - device, entity: 0 },
        sync(1 - device, secondFaults),
        sync(device),
      ]),
    );
}

/** The devices of one account, and what is known of every edit. */
class History {
  readonly #clients: SyncClient[] = [];
  readonly #plans: (Fault | undefined)[][] = [];
  readonly #ids: string[];
  readonly #written = ENTITIES.map(() => new Set<string>());
  readonly #explained = ENTITIES.map(() => new Set<string>());
  /** Deleted by somebody who saw it, and chosen by nobody since. */
  readonly #gone = ENTITIES.map(() => new Set<string>());
  #choice: Choice = "later";
  #edits = 0;

  constructor(
    private readonly member: Awaited<ReturnType<Api["register"]>>,
    count: number,
    private readonly inMemory: boolean,
  ) {
    this.#ids = ENTITIES.map(type => (type === "card" ? crypto.randomUUID() : type === "user_profile" ? "me" : "one"));
    for (let device = 0; device < count; device++) this.#open(device);
  }

  #open(device: number, file?: string): void {
    const plan = this.#plans[device] ?? [];
    this.#plans[device] = plan;
    const options = deviceOptions(api, this.member, {
      ...(file || this.inMemory ? { file: file ?? ":memory:" } : {}),
      fetch: network(device % 2 ? other : api, plan),
      onConflict: conflict => this.#decide(conflict),
    });
    this.#files[device] = options.file;
    this.#clients[device] = new SyncClient(options);
  }

  readonly #files: string[] = [];

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case "edit":
        return this.#edit(step.device, step.entity);
      case "takeBack":
        return this.#takeBack(step.device, step.entity);
      case "remove":
        return this.#remove(step.device, step.entity);
      case "restart":
        // Killed rather than closed.
        return this.inMemory ? undefined : this.#open(step.device, this.#files[step.device]);
      case "sync": {
        this.#choice = step.choice;
        await Promise.all(step.devices.map(device => this.#sync(device, step.faults)));
      }
    }
  }

  async #sync(device: number, faults: readonly (Fault | undefined)[] = []): Promise<void> {
    const plan = this.#plans[device] ?? [];
    plan.splice(0, plan.length, ...faults);
    await this.#clients[device]?.sync().catch(error => expect(error).toMatchObject({ name: "Unreachable" }));
    plan.length = 0;
  }

  #edit(device: number, entity: number): void {
    const type = ENTITIES[entity] as EntityType;
    const id = this.#ids[entity] as string;
    const token = `t${++this.#edits}`;
    this.#written[entity]?.add(token);
    const tokens = [...tokensOf(this.#clients[device]?.get(type, id)), token];
    this.#clients[device]?.put(type, id, dataOf(type, id, tokens));
  }

  /** What the device shows without the newest of it. */
  #takeBack(device: number, entity: number): void {
    const type = ENTITIES[entity] as EntityType;
    const id = this.#ids[entity] as string;
    const tokens = [...tokensOf(this.#clients[device]?.get(type, id))];
    const taken = tokens.pop();
    if (taken === undefined) return;
    this.#explained[entity]?.add(taken);
    this.#gone[entity]?.add(taken);
    this.#clients[device]?.put(type, id, dataOf(type, id, tokens));
  }

  #remove(device: number, entity: number): void {
    const type = ENTITIES[entity] as EntityType;
    if (type === "user_profile") return;
    const id = this.#ids[entity] as string;
    for (const token of tokensOf(this.#clients[device]?.get(type, id))) {
      this.#explained[entity]?.add(token);
      this.#gone[entity]?.add(token);
    }
    this.#clients[device]?.remove(type, id);
  }

  #decide({ entity_type, entity_id, local, server }: Conflict): Decision {
    const entity = this.#ids.indexOf(entity_id, entity_type === "session" ? 1 : 0);
    const [ours, theirs] = [tokensOf(local), tokensOf(server.data)];
    const explain = (lost: Set<string>, kept: Set<string>) => {
      for (const token of lost) if (!kept.has(token)) this.#explained[entity]?.add(token);
    };
    const choose = (kept: Set<string>) => {
      for (const token of kept) this.#gone[entity]?.delete(token);
    };
    switch (this.#choice) {
      case "later":
        return undefined;
      case "local_wins":
        explain(theirs, ours);
        choose(ours);
        return { resolution: "local_wins" };
      case "remote_wins":
        explain(ours, theirs);
        choose(theirs);
        return { resolution: "remote_wins" };
      case "manual":
        choose(ours.union(theirs));
        return { resolution: "manual", data: dataOf(entity_type, entity_id, [...ours.union(theirs)]) };
    }
  }

  /** Everybody comes back; then all must agree, and nothing may be missing without a reason. */
  async conclude(): Promise<void> {
    this.#choice = "manual";
    for (let round = 0; round < 4; round++) {
      for (let device = 0; device < this.#clients.length; device++) await this.#sync(device);
    }
    const viewer = deviceOf(api, this.member);
    const server = (await viewer.pullAll()).items.filter(item => !item.deleted);
    for (const client of this.#clients) {
      const here = ENTITIES.flatMap((type, entity) => {
        const data = client.get(type, this.#ids[entity] as string);
        return data ? [{ type, id: this.#ids[entity], data }] : [];
      });
      const there = server.map(({ entity_type, entity_id, data }) => ({ type: entity_type, id: entity_id, data }));
      expect(here.map(sortable).sort()).toEqual(there.map(sortable).sort());
    }
    for (const [entity, written] of this.#written.entries()) {
      const item = server.find(
        ({ entity_type, entity_id }) => entity_type === ENTITIES[entity] && entity_id === this.#ids[entity],
      );
      const missing = written.difference(tokensOf(item?.data)).difference(this.#explained[entity] ?? new Set());
      expect([...missing]).toEqual([]);
      expect([...tokensOf(item?.data).intersection(this.#gone[entity] ?? new Set())]).toEqual([]);
    }
    for (const client of this.#clients) client.close();
  }

  /** The server knows that all conflicts are over, by a decision or since others came to have the same. */
  async expectNoConflicts(): Promise<void> {
    const open = await api.call<{ items: unknown[] }>("GET", "/api/sync/state?status=conflict", {
      key: this.member.key,
    });
    expect(open.body.items).toEqual([]);
  }
}

const sortable = (one: { type: string; id: string | undefined; data: unknown }) =>
  JSON.stringify([one.type, one.id, Object.entries(one.data as Data).sort()]);

/** The same entity with these tokens. */
function dataOf(type: EntityType, id: string, tokens: readonly string[]): Data {
  const text = tokens.join(" ");
  switch (type) {
    case "card":
      return { title: null, content: `${id} ${text}`, privacy_level: "IDEAS", category: null, tags: [], metadata: {} };
    case "user_profile":
      return { display_name: null, bio: text, avatar_url: null, profile_url: null };
    default:
      return { text };
  }
}

function tokensOf(data: Data | null | undefined): Set<string> {
  return new Set(String(data?.content ?? data?.bio ?? data?.text ?? "").match(/\bt\d+\b/g) ?? []);
}

/** Plays a history on an account of its own, to its end. */
async function play(devices: number, history: readonly Step[], inMemory: boolean): Promise<History> {
  const account = new History(await api.register(), devices, inMemory);
  for (const step of history) await account.run(step);
  await account.conclude();
  return account;
}

test("in the end nothing comes back that somebody took back, however often answers are lost", async () => {
  const property = fc.asyncProperty(alikeSteps(6), async history => void (await play(2, history, true)));
  await fc.assert(property, { numRuns: Math.ceil(HISTORIES * 0.5), ...SEED });
});

describe("in the end everybody has the same, and no edit was covered unseen", () => {
  test.each([
    [2, "in memory", 0.6],
    [2, "in files, killed now and then", 0.1],
    [10, "in memory", 0.3],
  ] as const)("with %i devices that remember %s", async (devices, place, share) => {
    const property = fc.asyncProperty(steps(devices, 20 + devices * 4), async history => {
      const account = await play(devices, history, place === "in memory");
      await account.expectNoConflicts();
    });
    await fc.assert(property, { numRuns: Math.ceil(HISTORIES * share), ...SEED });
  });
});
