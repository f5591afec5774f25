// What the attempts at one operation are about: a cast of its own, by the names that stand in attempts. It is made anew
// where something in it is used up.

import type { Api } from "../api-support.ts";
import { type Cast, createCast } from "../cast.ts";
import type { Attempt, Names, Reply, Sender } from "./attempt.ts";
import { PRIVATE } from "./leaks.ts";

/** After these, somebody's key is dead, or somebody is somebody else. */
const ENDS_SOMEBODY = /^DELETE \/api\/me$|(rotate-key|deactivate|role)$/;
/** After these, what the next attempt would name is gone. */
const USES_UP: Readonly<Record<string, (api: Api, cast: Cast) => Promise<Partial<Cast>>>> = {
  "DELETE /api/keys/{id}": async (api, { owner: { key } }) => {
    const { body } = await api.call<{ id: string }>("POST", "/api/keys", { key, body: { name: "another" } });
    return { keyId: body.id };
  },
  "DELETE /api/cards/{id}": async (api, { owner: { key } }) => {
    const [card, citing] = [await api.publishCard(key), await api.publishCard(key)];
    return { card: { id: card.id, slug: card.slug ?? "" }, citing: { id: citing.id, slug: citing.slug ?? "" } };
  },
  "POST /api/admin/ledger/{id}/reversal": async (api, { owner: { key }, entries }) => {
    await api.publishCard(key);
    const { body } = await api.call<{ items: { id: string }[] }>("GET", "/api/ledger?limit=1", { key });
    return { entries: [body.items[0]?.id ?? "", ...entries] };
  },
};

/** Has the form of a key and a right checksum, and is nobody's. */
const NOBODYS_KEY = "ext_Docs1234_AnExampleThatIsNobodysKey00000004ROVBo";

export class World {
  #cursor = "";
  #etag = "";
  readonly #sent = new Map<Sender, string[]>();

  private constructor(
    private readonly api: Api,
    private cast: Cast,
  ) {}

  static async create(api: Api): Promise<World> {
    const world = new World(api, await createCast(api));
    await world.#look();
    return world;
  }

  async #look(): Promise<void> {
    const { key } = this.cast.owner;
    this.note(await this.api.call("GET", `/api/cards/${this.cast.card.id}`, { key }));
    this.note(await this.api.call("GET", "/api/ledger?limit=1", { key }));
  }

  /** The ids of the accounts whose books are watched. */
  get accounts(): string[] {
    const { owner, other, auditor, admin } = this.cast;
    return [owner.id, other.id, auditor.id, admin.id];
  }

  keyOf(sender: Sender): string | undefined {
    if (sender === "nobody") return undefined;
    return sender === "bad" ? NOBODYS_KEY : this.cast[sender].key;
  }

  /** Private texts that a sender may be shown. */
  privateTextsOf(sender: Sender): string[] {
    if (sender === "nobody" || sender === "bad") return [];
    const own = sender === "owner" ? this.cast.secrets : [];
    return [...own, ...(this.#sent.get(sender) ?? []), `${this.cast[sender].name}@example.org`];
  }

  /** Whoever has sent a private text knows it from then on: one may take the address that another has given up. */
  remember({ sender, body }: Attempt): void {
    const known = this.#sent.get(sender) ?? [];
    if (typeof body === "string") this.#sent.set(sender, [...known, ...(body.match(PRIVATE) ?? [])]);
  }

  /** What the names in an attempt stand for. */
  namesFor({ operation, index }: Attempt): Names {
    const { owner, other, admin, card, citing, cited, withdrawn, attribution, entries, keyId } = this.cast;
    return {
      ...{ ownerId: owner.id, OWNERID: owner.id.toUpperCase(), ownerName: owner.name },
      ...{ OWNERNAME: owner.name.toUpperCase(), otherId: other.id, otherName: other.name, adminId: admin.id },
      ...{ card: card.id, citing: citing.id, cited: cited.id, withdrawn: withdrawn.id, slug: card.slug },
      ...{ withdrawnSlug: withdrawn.slug, attribution, key: keyId },
      ...{ entry: entries[0] ?? "", otherEntry: entries.at(-1) ?? "" },
      ...{ device: this.cast.device, conflicted: this.cast.conflicted },
      ...{ cursor: this.#cursor, etag: this.#etag },
      n: `${Bun.hash.crc32(operation)}-${index}`,
    };
  }

  /** Keeps what the next attempts may name. */
  note({ headers, text }: Pick<Reply, "headers" | "text">): void {
    this.#etag = headers.get("etag")?.replaceAll('"', "") ?? this.#etag;
    this.#cursor = /"(?:next_)?cursor":"([^"]+)"/.exec(text)?.[1] ?? this.#cursor;
  }

  /** Makes anew what the operation that has succeeded has used up, and says whether there was anything. */
  async goOnAfter(operation: string): Promise<boolean> {
    const replace = USES_UP[operation];
    if (replace) this.cast = { ...this.cast, ...(await replace(this.api, this.cast)) };
    else if (ENDS_SOMEBODY.test(operation)) this.cast = await createCast(this.api);
    else return false;
    await this.#look();
    return true;
  }
}
