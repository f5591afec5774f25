// A device of a Writer: what is edited here goes to the server, what others edit comes here, whatever the network does in
// between. Nothing is overwritten unseen: what two devices changed is given to `onConflict`.

import { Api, type ApiOptions, Refused } from "./api.ts";
import { checksumOf } from "./checksum.ts";
import { type FollowOptions, followChanges } from "./follow.ts";
import type {
  Change,
  EntityError,
  EntityType,
  PublishAnswer,
  PublishRequest,
  PullAnswer,
  PushAnswer,
  PushedEntity,
  PushResult,
  ServerVersion,
} from "./protocol.ts";
import { type Data, type Entity, Store } from "./store.ts";

export type Conflict = {
  entity_type: EntityType;
  entity_id: string;
  /** What this device has; null: it was deleted here. */
  local: Data | null;
  server: ServerVersion;
};

/** Undefined puts the decision off: the conflict is reported with the next sync. */
export type Decision =
  | { resolution: "local_wins" | "remote_wins" }
  | { resolution: "manual"; data: Data | null }
  | undefined;

export type SyncOptions = ApiOptions & {
  /** Where the device remembers; `:memory:` forgets everything at the end. */
  file: string;
  /** Made up and kept where it is not given. */
  clientId?: string;
  deviceName?: string;
  onConflict: (conflict: Conflict) => Decision | Promise<Decision>;
  /** Another device changed something, which is here now; `data` is null where it was deleted. */
  onChange?: (change: { entity_type: EntityType; entity_id: string; data: Data | null }) => void;
  /** The server does not take this version. It is pushed again when it has been edited. */
  onFailed?: (failure: { entity_type: EntityType; entity_id: string; error: EntityError }) => void;
  onPublished?: (answer: PublishAnswer, idempotencyKey: string) => void;
  onPublishRefused?: (refusal: Refused, idempotencyKey: string) => void;
};

const ENTITIES_A_PUSH = 500;
const ITEMS_A_PULL = 200;
/** A body has at most 8 MiB. */
const BYTES_A_PUSH = 7_000_000;
/** While somebody keeps changing what is being resolved here. */
const RESOLUTIONS_MAX = 5;

export class SyncClient {
  readonly clientId: string;
  readonly #store: Store;
  readonly #api: Api;
  #line: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SyncOptions) {
    this.#store = new Store(options.file);
    this.#api = new Api(options);
    const { clientId } = options;
    this.clientId = clientId ?? this.#store.recall("client_id", () => crypto.randomUUID());
  }

  /** What this device has; undefined: nothing. */
  get(type: EntityType, id: string): Data | undefined {
    return this.#store.find(type, id)?.data ?? undefined;
  }

  list(type: EntityType): { entity_id: string; data: Data }[] {
    return this.#store.list(type).map(({ entity_id, data }) => ({ entity_id, data: data as Data }));
  }

  /** Edits something here; the next sync pushes it. */
  put(type: EntityType, id: string, data: Data): void {
    this.#edit(type, id, data);
  }

  /** Deletes something here; the next sync pushes that. */
  remove(type: EntityType, id: string): void {
    this.#edit(type, id, null);
  }

  #edit(entity_type: EntityType, entity_id: string, data: Data | null): void {
    this.#store.atOnce(() => {
      const before = this.#store.find(entity_type, entity_id);
      if (!before && data === null) return;
      this.#store.save({
        entity_type,
        entity_id,
        data,
        checksum: data && checksumOf(data),
        base_checksum: before?.base_checksum ?? null,
        is_dirty: true,
        edit_no: (before?.edit_no ?? 0) + 1,
        conflict: before?.conflict ?? null,
        error: null,
      });
    });
  }

  /** Queues cards for publishing; the next sync sends them, as often as it takes and in effect once. Returns their key. */
  publish(cards: PublishRequest["cards"]): string {
    const key = crypto.randomUUID();
    this.#store.queuePublish(key, { client_id: this.clientId, cards });
    return key;
  }

  /**
   * Publishes what is queued, pushes what was edited here, pulls what others did, and has conflicts resolved. Several at
   * once take turns. Throws Unreachable, after which nothing is lost and it may be called again, and Refused.
   */
  sync(): Promise<void> {
    const turn = this.#line.then(async () => {
      await this.#publishQueued();
      await this.#push();
      await this.#pull();
      await this.#resolve();
    });
    this.#line = turn.catch(() => {});
    return turn;
  }

  /** Syncs whenever there is something, until the signal aborts; connects again by itself. */
  follow(options: FollowOptions): Promise<void> {
    return followChanges(this.#api, this.clientId, {
      ...options,
      onHint: async cursor => {
        if (cursor !== this.#store.cursor || this.#store.listDirty().length > 0) await this.sync();
      },
    });
  }

  close(): void {
    this.#store.close();
  }

  async #publishQueued(): Promise<void> {
    for (let next = this.#store.nextPublish(); next; next = this.#store.nextPublish()) {
      const { id, idempotency_key, body } = next;
      try {
        const headers = { "idempotency-key": idempotency_key };
        const answer = await this.#api.call<PublishAnswer>({ method: "POST", path: "/api/publish", body, headers });
        this.#store.dropPublish(id);
        this.options.onPublished?.(answer, idempotency_key);
      } catch (error) {
        if (!(error instanceof Refused) || isAboutKey(error)) throw error;
        this.#store.dropPublish(id);
        this.options.onPublishRefused?.(error, idempotency_key);
      }
    }
  }

  async #push(): Promise<void> {
    const dirty = this.#store.listDirty();
    for (const entity of dirty.filter(isPrivate)) this.#fail(entity, PRIVATE);
    for (const batch of batchesOf(dirty.filter(entity => !isPrivate(entity)))) await this.#pushBatch(batch);
  }

  /** Sets an entity aside until it is edited. */
  #fail(entity: Entity, error: EntityError): void {
    this.#store.save({ ...entity, error });
    this.options.onFailed?.({ ...entity, error });
  }

  async #pushBatch(batch: readonly Entity[]): Promise<void> {
    try {
      const { results } = await this.#api.call<PushAnswer>({
        method: "POST",
        path: "/api/sync/push",
        body: { client_id: this.clientId, device_name: this.options.deviceName, entities: batch.map(toPushed) },
      });
      this.#store.atOnce(() => {
        for (const [index, sent] of batch.entries()) this.#settle(sent, results[index] as PushResult);
      });
      results.forEach((result, index) => {
        if (result.error) this.options.onFailed?.({ ...(batch[index] as Entity), error: result.error });
      });
    } catch (error) {
      if (!(error instanceof Refused) || isAboutKey(error)) throw error;
      await this.#pushApart(batch, error);
    }
  }

  /** Finds the entity for which a whole push was refused, so that the others get through. */
  async #pushApart(batch: readonly Entity[], { message }: Refused): Promise<void> {
    const [only] = batch;
    if (only && batch.length === 1) {
      this.#fail(only, { code: "invalid", detail: message });
      return;
    }
    const middle = batch.length >> 1;
    await this.#pushBatch(batch.slice(0, middle));
    await this.#pushBatch(batch.slice(middle));
  }

  /** Notes what became of an entity as it was sent. It may have been edited since. */
  #settle(sent: Entity, { sync_status, checksum = null, server, error }: PushResult): void {
    const now = this.#store.find(sent.entity_type, sent.entity_id);
    if (!now) return;
    const isEdited = now.edit_no !== sent.edit_no;
    if (sync_status === "conflict" && server) {
      this.#store.save({ ...now, conflict: server });
    } else if (sync_status === "synced") {
      if (!isEdited && now.data === null) this.#store.drop(now);
      else this.#store.save({ ...now, base_checksum: checksum, is_dirty: isEdited });
    } else if (error && !isEdited && error.code !== "answer-full") {
      this.#store.save({ ...now, error });
    }
  }

  async #pull(): Promise<void> {
    for (let hasMore = true; hasMore; ) {
      const page = await this.#pullPage();
      const changed: Change[] = [];
      this.#store.atOnce(() => {
        for (const item of page.items) if (this.#take(item)) changed.push(item);
        this.#store.cursor = page.cursor;
      });
      for (const change of changed) this.options.onChange?.(change);
      hasMore = page.has_more;
    }
  }

  async #pullPage(): Promise<PullAnswer> {
    const { cursor } = this.#store;
    const query = new URLSearchParams({
      client_id: this.clientId,
      limit: String(ITEMS_A_PULL),
      ...(cursor && { cursor }),
    });
    try {
      return await this.#api.call<PullAnswer>({ method: "GET", path: `/api/sync/pull?${query}` });
    } catch (error) {
      // The server was taken back to an earlier state, or is another one: everything is compared once more.
      if (!(error instanceof Refused) || error.status !== 422 || cursor === undefined) throw error;
      this.#store.forgetServer();
      return this.#pullPage();
    }
  }

  /** Takes over a change of the server's; false where there is nothing to take, or something here that it must not cover. */
  #take({ entity_type, entity_id, checksum, data }: Change): boolean {
    const here = this.#store.find(entity_type, entity_id);
    const isSame = here ? here.checksum === checksum : checksum === null;
    if (here?.is_dirty && !isSame) return false;
    if (checksum === null) {
      if (here) this.#store.drop(here);
    } else {
      const edit_no = here?.edit_no ?? 0;
      const settled = { is_dirty: false, edit_no, conflict: null, error: null };
      this.#store.save({ entity_type, entity_id, data, checksum, base_checksum: checksum, ...settled });
    }
    return !isSame;
  }

  async #resolve(): Promise<void> {
    for (let round = 0; round < RESOLUTIONS_MAX; round++) {
      let isAgain = false;
      for (const entity of this.#store.listConflicts()) {
        const { entity_type, entity_id, data, conflict } = entity;
        if (!conflict) continue;
        const decision = await this.options.onConflict({ entity_type, entity_id, local: data, server: conflict });
        if (decision && (await this.#send(entity, conflict, decision))) isAgain = true;
      }
      if (!isAgain) return;
    }
  }

  /** Tells the server of a decision; true where there is a new conflict. */
  async #send(entity: Entity, conflict: ServerVersion, decision: NonNullable<Decision>): Promise<boolean> {
    const { entity_type, entity_id } = entity;
    const { resolution } = decision;
    const data = decision.resolution === "manual" ? decision.data : entity.data;
    const checksum = data && checksumOf(data);
    // Says what it is over: should the server have told of something newer in an answer that was lost, that stands.
    const over = { data, checksum, base_checksum: conflict.checksum };
    const body = { client_id: this.clientId, entity_type, entity_id, resolution };
    const result = await this.#api
      .call<PushResult>({
        method: "POST",
        path: "/api/sync/resolve",
        body: resolution === "remote_wins" ? body : { ...body, ...over },
      })
      .catch(error => {
        if (error instanceof Refused && error.status === 404) return undefined;
        throw error;
      });
    return this.#store.atOnce(() => this.#settleDecision(entity, resolution, data, result));
  }

  #settleDecision(
    decided: Entity,
    resolution: NonNullable<Decision>["resolution"],
    data: Data | null,
    result: PushResult | undefined,
  ): boolean {
    const now = this.#store.find(decided.entity_type, decided.entity_id);
    if (!now) return false;
    if (result?.sync_status === "conflict" && result.server) {
      this.#store.save({ ...now, conflict: result.server });
      return true;
    }
    if (result?.sync_status === "failed") {
      this.#store.save({ ...now, error: result.error ?? null });
      return false;
    }
    const isEdited = now.edit_no !== decided.edit_no;
    if (!result || (isEdited && resolution !== "local_wins")) {
      // Over before it was decided here, or decided about what is no more: the next push tells how things stand.
      this.#store.save({ ...now, conflict: null });
      return false;
    }
    const base_checksum = result.checksum ?? null;
    const settled = resolution === "remote_wins" ? (result.server?.data ?? null) : data;
    if (isEdited) this.#store.save({ ...now, base_checksum, conflict: null });
    else if (settled === null) this.#store.drop(now);
    else {
      const checksum = checksumOf(settled);
      this.#store.save({
        ...now,
        data: settled,
        checksum,
        base_checksum,
        is_dirty: false,
        conflict: null,
        error: null,
      });
      if (resolution !== "local_wins") this.options.onChange?.({ ...now, data: settled });
    }
    return false;
  }
}

/** The key is bad, or may not do this: no matter what was sent. */
function isAboutKey({ status }: Refused): boolean {
  return status === 401 || status === 403;
}

const PRIVATE: EntityError = { code: "private", detail: "Only BUSINESS and IDEAS leave this device." };

/** A card that must not leave the device, whatever the server would do with it. */
function isPrivate({ entity_type, data }: Entity): boolean {
  return entity_type === "card" && data !== null && !/^(business|ideas)$/i.test(String(data.privacy_level));
}

function toPushed({ entity_type, entity_id, base_checksum, checksum, data }: Entity): PushedEntity {
  return { entity_type, entity_id, base_checksum, checksum, data, ...(data === null ? { deleted: true } : {}) };
}

function* batchesOf(entities: readonly Entity[]): Generator<Entity[]> {
  let batch: Entity[] = [];
  let bytes = 0;
  for (const entity of entities) {
    const size = Buffer.byteLength(JSON.stringify(entity.data)) + 1000;
    if (batch.length > 0 && (batch.length === ENTITIES_A_PUSH || bytes + size > BYTES_A_PUSH)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(entity);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
