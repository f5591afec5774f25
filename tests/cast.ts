// Two members, an admin and an auditor with one of everything that an address or a body can name: what tests of all
// operations at once need to make requests that lead somewhere.

import { type Answer, type Api, type Member, newCard } from "./api-support.ts";
import { deviceOf, entity } from "./sync-support.ts";

export type Cast = {
  owner: Member;
  /** Somebody to whom nothing of the owner's belongs. */
  other: Member;
  auditor: Member;
  admin: Member;
  /** The owner's. */
  card: { id: string; slug: string };
  /** The owner's as well, cites the other's, and is cited by nobody. */
  citing: { id: string; slug: string };
  /** The other's. */
  cited: { id: string; slug: string };
  withdrawn: { id: string; slug: string };
  attribution: string;
  /** Entries of the owner: the initial grant, rewards, the payment. */
  entries: string[];
  keyId: string;
  device: string;
  /** A device of the owner that was told of a conflict on its settings `editor`. */
  conflicted: string;
  /** What nobody but the owner and operators may ever be shown. */
  secrets: string[];
};

/** Makes a new cast; `api` must have open registration. */
export async function createCast(api: Api): Promise<Cast> {
  const [owner, other, auditor, admin] = await Promise.all([
    api.register(),
    api.register(),
    api.registerOperator("auditor"),
    api.registerOperator("admin"),
  ]);
  const publish = async ({ key }: Member) => {
    const { id, slug } = await api.publishCard(key, newCard());
    return { id, slug: slug ?? "" };
  };
  const [card, cited, withdrawn] = [await publish(owner), await publish(other), await publish(owner)];
  const citing = await publish(owner);
  need(await api.call("DELETE", `/api/cards/${withdrawn.id}`, { key: owner.key }), 204);
  const attribution = await cite(api, owner, cited.id, citing.id);
  const keyName = `key of ${crypto.randomUUID()}`;
  const named = need(
    await api.call<{ id: string }>("POST", "/api/keys", { key: owner.key, body: { name: keyName } }),
    201,
  );
  const device = deviceOf(api, owner);
  const setting = `setting of ${crypto.randomUUID()}`;
  need(await device.push([entity("settings", "editor", { setting })], { device_name: `laptop of ${keyName}` }), 200);
  const conflicted = deviceOf(api, owner);
  await conflicted.pushOne(entity("settings", "editor", { setting: `${setting} elsewhere` }));
  const entries = need(
    await api.call<{ items: { id: string }[] }>("GET", "/api/ledger", { key: owner.key }),
    200,
  ).body.items.map(({ id }) => id);
  return {
    ...{ owner, other, auditor, admin, card, citing, cited, withdrawn, attribution, entries },
    keyId: named.body.id,
    device: device.client_id,
    conflicted: conflicted.client_id,
    secrets: [`${owner.name}@example.org`, keyName, setting, device.client_id],
  };
}

/** The card `target` of a member cites `source`; gives the attribution's id. */
export async function cite(api: Api, { key }: Member, source: string, target: string, type = "citation") {
  const body = { source_card_id: source, target_card_id: target, attribution_type: type };
  return need(await api.call<{ attribution: { id: string } }>("POST", "/api/attributions", { key, body }), 201).body
    .attribution.id;
}

function need<T>(answer: Answer<T>, status: number): Answer<T> {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer;
}
