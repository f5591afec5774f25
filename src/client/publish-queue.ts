// Cards that wait to be published, in SQLite: sent one request after the other, under an Idempotency-Key each, as often
// as it takes and in effect once. A request leaves the queue when the server has taken it, or will never take it.

import { isPublishAnswer } from "./answers.ts";
import type { Device } from "./device.ts";
import { BODY_BYTES_MAX, isPublic } from "./entity.ts";
import { PrivateCards, Refused, Unreachable } from "./errors.ts";
import type { PublishRequest } from "./protocol.ts";
import type { Store } from "./store.ts";

const CARDS_A_REQUEST_MAX = 100;

type Queued = { id: number; idempotency_key: string; body: string };

/**
 * Queues cards and returns the key of their request. Throws PrivateCards where one of them must not leave the device, and a
 * RangeError for none, more than 100, or more than fits into a request; then nothing is queued.
 */
export function queueCards(store: Store, clientId: string, cards: PublishRequest["cards"]): string {
  const places = cards.flatMap(({ privacy_level }, place) => (isPublic(privacy_level) ? [] : [place]));
  if (places.length > 0) throw new PrivateCards(places);
  if (cards.length < 1 || cards.length > CARDS_A_REQUEST_MAX) {
    throw new RangeError(`1 to ${CARDS_A_REQUEST_MAX} cards are published at once, not ${cards.length}`);
  }
  const body = JSON.stringify({ client_id: clientId, cards } satisfies PublishRequest);
  if (Buffer.byteLength(body) > BODY_BYTES_MAX) throw new RangeError("These cards are too long to be sent at once.");
  const key = crypto.randomUUID();
  store.database.query("INSERT INTO publishes (idempotency_key, body) VALUES (?, ?)").run(key, body);
  return key;
}

/** Requests in the queue. */
export function countQueued({ database }: Store): number {
  return database.query<{ found: number }, []>("SELECT count(*) AS found FROM publishes").get()?.found ?? 0;
}

/**
 * Sends what is queued, and returns whether anything was published. Throws Refused where the key may not, and Unreachable;
 * what only a proxy finds too large stays, and does not hold up what is behind it.
 */
export async function publishQueued({ store, api, tell }: Device): Promise<boolean> {
  let isPublished = false;
  let tooLarge: Unreachable | undefined;
  let last = 0;
  for (let next = findNext(store, last); next; next = findNext(store, last)) {
    const { id, idempotency_key, body } = next;
    last = id;
    try {
      const headers = { "idempotency-key": idempotency_key };
      const request = { method: "POST", path: "/api/publish", body: JSON.parse(body), headers } as const;
      const answer = await api.call(request, isPublishAnswer);
      isPublished = true;
      if (drop(store, id)) tell.onPublished?.(answer, idempotency_key);
    } catch (error) {
      if (error instanceof Refused && (error.isAbout("cards") || error.code === "idempotency-key-reused")) {
        if (drop(store, id)) tell.onPublishRefused?.(error, idempotency_key);
      } else if (error instanceof Unreachable && error.status === 413) {
        tooLarge = error;
      } else {
        throw error;
      }
    }
  }
  if (tooLarge) throw tooLarge;
  return isPublished;
}

function findNext({ database }: Store, after: number): Queued | null {
  return database
    .query<Queued, [number]>("SELECT id, idempotency_key, body FROM publishes WHERE id > ? ORDER BY id LIMIT 1")
    .get(after);
}

/** False where another process on the same file was quicker. No id is used twice, or this could drop what came after. */
function drop({ database }: Store, id: number): boolean {
  return database.query("DELETE FROM publishes WHERE id = ?").run(id).changes > 0;
}
