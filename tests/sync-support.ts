// What the tests of sync share: a device as any client could write it, and what it pushes.

import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Answer, Api, Member } from "./api-support.ts";

export type Result = {
  entity_type: string;
  entity_id: string;
  sync_status: "synced" | "conflict" | "failed";
  checksum?: string | null;
  revision?: number;
  server?: { checksum: string | null; revision: number; data: Data | null; deleted: boolean };
  error?: { code: string; detail: string; card_id?: string };
};
export type Item = {
  entity_type: string;
  entity_id: string;
  checksum: string | null;
  revision: number;
  data: Data | null;
  deleted: boolean;
  client_id: string | null;
  changed_at: string;
};
export type Pulled = { items: Item[]; cursor: string; has_more: boolean };
export type Data = Record<string, unknown>;
export type Entity = Record<string, unknown>;

/** The checksum as the contract words it. */
export function checksumOf(value: unknown): string {
  return createHash("sha256")
    .update(canonicalize(value) as string)
    .digest("hex");
}

/** An entity with its checksum, over a base. */
export function entity(type: string, id: string, data: unknown, base: string | null = null): Entity {
  return { entity_type: type, entity_id: id, base_checksum: base, checksum: checksumOf(data), data };
}

export function deletion(type: string, id: string, base: string | null): Entity {
  return { entity_type: type, entity_id: id, base_checksum: base, checksum: null, data: null, deleted: true };
}

/** The data of a card that no other test has. */
export function cardData(more: Data = {}): Data {
  return {
    title: "A title",
    content: `text ${crypto.randomUUID()}`,
    privacy_level: "IDEAS",
    category: null,
    tags: [],
    metadata: {},
    ...more,
  };
}

/** A device of a member. */
export type Device = ReturnType<typeof deviceOf>;

export function deviceOf(
  api: Pick<Api, "call">,
  { key }: Pick<Member, "key">,
  client_id = `device-${crypto.randomUUID()}`,
) {
  const push = (entities: unknown[], more: Record<string, unknown> = {}): Promise<Answer<{ results: Result[] }>> =>
    api.call("POST", "/api/sync/push", { key, body: { client_id, ...more, entities } });
  const pull = (query: Record<string, unknown> = {}): Promise<Answer<Pulled>> =>
    api.call("GET", `/api/sync/pull?${new URLSearchParams({ client_id, ...query } as Record<string, string>)}`, {
      key,
    });
  return {
    client_id,
    push,
    pull,
    /** Pushes one entity and gives its result. */
    async pushOne(one: Entity): Promise<Result> {
      const { status, body, text } = await push([one]);
      if (status !== 200 || !body.results[0]) throw new Error(`the push was refused: ${text}`);
      return body.results[0];
    },
    /** Pulls everything after a cursor. */
    async pullAll(cursor?: string, limit = 200): Promise<{ items: Item[]; cursor: string }> {
      const items: Item[] = [];
      for (let next = cursor; ; ) {
        const { status, body, text } = await pull({ limit, ...(next ? { cursor: next } : {}) });
        if (status !== 200) throw new Error(`the pull was refused: ${text}`);
        items.push(...body.items);
        next = body.cursor;
        if (!body.has_more) return { items, cursor: body.cursor };
      }
    },
    resolve: (body: Record<string, unknown>): Promise<Answer<Result>> =>
      api.call("POST", "/api/sync/resolve", { key, body: { client_id, ...body } }),
    states: (query: Record<string, string> = {}): Promise<Answer<{ items: Record<string, unknown>[] }>> =>
      api.call("GET", `/api/sync/state?${new URLSearchParams({ client_id, ...query })}`, { key }),
  };
}

/** A new member with two devices. */
export async function setUpDevices(api: Api) {
  const member = await api.register();
  return { member, laptop: deviceOf(api, member), phone: deviceOf(api, member) };
}
