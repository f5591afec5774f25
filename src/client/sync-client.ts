// A device of a Writer: what is edited here goes to the server, what others edit comes here, whatever the network does in
// between. Nothing is overwritten unseen: what two devices changed is given to `onConflict`. docs/client.md shows it in use.

import { carryOver, discardAll } from "./account.ts";
import { Api, type ApiOptions, PAUSE_MS } from "./api.ts";
import type { Callbacks, Conflict, Device, Failure } from "./device.ts";
import { type Data, nameOf, plainOf, standingOf } from "./entity.ts";
import { isPartial, Refused } from "./errors.ts";
import { type FollowOptions, follow } from "./follow.ts";
import type { EntityError, EntityType, PublishRequest } from "./protocol.ts";
import { countQueued, publishQueued, queueCards } from "./publish-queue.ts";
import { pullChanges } from "./pull.ts";
import { pushEdited } from "./push.ts";
import { resolveConflicts, toConflict } from "./resolve.ts";
import { Store } from "./store.ts";

export type { Callbacks, Conflict, Decision, Failure } from "./device.ts";
export type { Data } from "./entity.ts";
export { OtherAccount, PrivateCards, Refused, Unreachable } from "./errors.ts";
export type { FollowOptions } from "./follow.ts";
export type { EntityError, EntityType, PublishAnswer, PublishRequest } from "./protocol.ts";

export type SyncOptions = ApiOptions &
  Callbacks & {
    /** Where the device remembers; `:memory:` forgets everything at the end. Several processes may share a file. */
    file: string;
    /** 1 to 255 characters; made up and kept where it is not given. */
    clientId?: string;
    /** For people who look after devices; at most 255 characters. */
    deviceName?: string;
  };

/** What is not in step with the server yet. */
export type Status = { toPush: number; toPublish: number; conflicts: number; failed: number };

const NAME_CHARACTERS_MAX = 255;

export class SyncClient {
  readonly clientId: string;
  readonly #device: Device;
  readonly #listeners = new Set<() => void>();
  readonly #pauseMs: number;
  #line: Promise<unknown> = Promise.resolve();
  #isFollowing = false;

  /** Opens or makes the file. Throws a RangeError for names that the server would not take. */
  constructor(options: SyncOptions) {
    const { file, clientId, deviceName } = options;
    for (const name of [clientId, deviceName]) {
      if (name !== undefined && (name.length > NAME_CHARACTERS_MAX || name.length < 1)) {
        throw new RangeError(`clientId and deviceName have 1 to ${NAME_CHARACTERS_MAX} characters`);
      }
    }
    const store = new Store(file);
    this.clientId = clientId ?? store.rememberOnce("client_id", crypto.randomUUID());
    this.#pauseMs = options.pauseMs ?? PAUSE_MS;
    this.#device = { store, api: new Api(options), clientId: this.clientId, deviceName, tell: options };
  }

  /** What this device has; undefined: nothing. */
  get(type: EntityType, id: string): Data | undefined {
    return this.#device.store.find(nameOf(type, id))?.data ?? undefined;
  }

  list(type: EntityType): { entity_id: string; data: Data }[] {
    return this.#device.store.list(type).map(({ entity_id, data }) => ({ entity_id, data: data as Data }));
  }

  /** Edits something here; the next sync pushes it. Kept when this returns. */
  put(type: EntityType, id: string, data: Data): void {
    this.#edit(type, id, data);
  }

  /** Deletes something here; the next sync pushes that. */
  remove(type: EntityType, id: string): void {
    this.#edit(type, id, null);
  }

  #edit(type: EntityType, id: string, edited: Data | null): void {
    const { store } = this.#device;
    const name = nameOf(type, id);
    const { data, checksum } = edited ? plainOf(edited) : { data: null, checksum: null };
    store.atOnce(() => {
      const before = store.find(name);
      if (data === null && !before?.is_dirty && !before?.data) return;
      store.save({
        ...name,
        data,
        checksum,
        ...standingOf(before, checksum),
        is_dirty: true,
        edit_no: store.nextEditNo(),
        error: null,
      });
    });
    this.#tellEdit();
  }

  /**
   * Queues 1 to 100 cards for publishing; the next sync sends them, as often as it takes and in effect once. Kept when this
   * returns their key. Throws PrivateCards, and a RangeError for too many or too much; then nothing is queued.
   */
  publish(cards: PublishRequest["cards"]): string {
    const key = queueCards(this.#device.store, this.clientId, cards);
    this.#tellEdit();
    return key;
  }

  /**
   * Pulls what others did, publishes what is queued, pushes what was edited here, and has conflicts resolved. Several at
   * once take turns. Throws Unreachable, after which nothing is lost and it may be called again; Refused where the key may
   * not; and OtherAccount.
   */
  sync(): Promise<void> {
    return this.#inTurn(async () => {
      const device = this.#device;
      const putOff = new PutOff();
      // First, since the answer tells whether the key is one of the account whose data are here.
      await pullChanges(device);
      const isPublished = await putOff.try(() => publishQueued(device));
      const isPushed = await putOff.try(() => this.#push());
      if (isPublished || isPushed) await pullChanges(device);
      await putOff.try(() => resolveConflicts(device));
      putOff.throw();
    });
  }

  /** Pushes what was edited; after another pull where the server was taken back to an earlier state since the last one. */
  async #push(): Promise<boolean> {
    const device = this.#device;
    try {
      return await pushEdited(device);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "cursor-gone") throw error;
      await pullChanges(device);
      return pushEdited(device);
    }
  }

  /**
   * Syncs at once, after edits, and whenever there is something, until the signal aborts; comes back by itself. Throws Refused
   * where the key is dead, and OtherAccount.
   */
  async follow(options: FollowOptions): Promise<void> {
    if (this.#isFollowing) throw new Error("This client follows already.");
    this.#isFollowing = true;
    try {
      await follow(
        {
          api: this.#device.api,
          pauseMs: this.#pauseMs,
          sync: () => this.sync(),
          cursor: () => this.#device.store.recall("cursor"),
          listen: listener => {
            this.#listeners.add(listener);
            return () => this.#listeners.delete(listener);
          },
        },
        options,
      );
    } finally {
      this.#isFollowing = false;
    }
  }

  /** How much is not in step yet, for a line that tells the user. */
  status(): Status {
    const { store } = this.#device;
    return {
      toPush: store.count("dirty"),
      toPublish: countQueued(store),
      conflicts: store.count("conflict"),
      failed: store.count("failed"),
    };
  }

  /** The conflicts that are open. */
  conflicts(): Conflict[] {
    return [...this.#device.store.listIn("conflict")].flatMap(entity => toConflict(entity) ?? []);
  }

  /** What the server did not take, and why; each is pushed again when it has been edited. */
  failures(): Failure[] {
    return [...this.#device.store.listIn("failed")].map(({ entity_type, entity_id, error }) => ({
      entity_type,
      entity_id,
      error: error as EntityError,
    }));
  }

  /**
   * Says what is to become of the data here, where the key belongs to another account: `discard` forgets them, what was
   * not pushed and not published as well; `carry-over` offers all of them to the new account.
   */
  switchAccount(what: "discard" | "carry-over"): Promise<void> {
    return this.#inTurn(async () => {
      const { store } = this.#device;
      if (what === "discard") discardAll(store);
      else carryOver(store);
    });
  }

  /** Breaks off what is under way, `follow` included, which loses nothing, and closes the file. */
  async close(): Promise<void> {
    this.#device.api.close();
    await this.#line;
    this.#device.store.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#line.then(work);
    this.#line = turn.catch(() => {});
    return turn;
  }

  #tellEdit(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Keeps what holds up one part of a sync until the others are done. */
class PutOff {
  #error: unknown;

  async try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isPartial(error)) throw error;
      this.#error ??= error;
      return undefined;
    }
  }

  throw(): void {
    if (this.#error) throw this.#error;
  }
}
