// The state of some users' devices: mostly in step, with a few changes pending, in conflict or failed.

import type { Year } from "./activity-model.ts";
import { formatMoment } from "./calendar.ts";
import type { Value } from "./copy.ts";
import type { Ids } from "./ids.ts";
import { mix32, Random, STREAM } from "./random.ts";

export const DEVICE_COLUMNS = [
  "user_id",
  "client_id",
  "device_name",
  "entity_type",
  "entity_id",
  "sync_status",
  "last_synced_at",
  "local_checksum",
  "remote_checksum",
  "sync_direction",
  "error_message",
  "retry_count",
  "created_at",
  "updated_at",
] as const;

/** Rows at most, however large the demo is. */
const ROWS_MAX = 20_000;

const NAMES = ["Laptop", "Desk computer", "Tablet", "Old laptop", "Studio"];

/** Collects the rows while the cards are written, which is when their checksums are known. */
export class Devices {
  readonly rows: Value[][] = [];
  readonly #random: Random;

  constructor(
    private readonly year: Year,
    private readonly ids: Ids,
    private readonly seed: number,
  ) {
    this.#random = new Random(seed, STREAM.sync);
  }

  /** A card that stands is on its author's device, if the author has one. */
  add(card: number, checksum: string | null): void {
    const { cards } = this.year;
    const user = cards.author[card] as number;
    const mixed = mix32(user ^ mix32(this.seed));
    if (checksum === null || mixed % 10 >= 4 || this.rows.length >= ROWS_MAX) return;
    const random = this.#random;
    const own = mix32(mixed).toString(16).padStart(8, "0");
    const syncedAt = formatMoment((cards.at[card] as number) + random.between(1, 90) * 1_000_000);
    const roll = random.fraction();
    const status = roll < 0.93 ? "synced" : roll < 0.96 ? "pending" : roll < 0.985 ? "conflict" : "failed";
    const changed = new Bun.CryptoHasher("sha256").update(`changed ${card}`).digest("hex");
    this.rows.push([
      this.ids.user(user),
      `device-${own}`,
      NAMES[mixed % NAMES.length] as string,
      "card",
      this.ids.card(card),
      status,
      syncedAt,
      status === "synced" ? checksum : changed,
      checksum,
      "push",
      status === "failed" ? "duplicate-card" : null,
      status === "failed" ? random.between(1, 5) : 0,
      syncedAt,
      syncedAt,
    ]);
  }
}
