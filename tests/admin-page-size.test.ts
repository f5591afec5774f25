// Pages stay small whatever members call themselves and their cards, and whatever they write beside a payment.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { signedIn, type Visitor } from "./admin-page-support.ts";
import { createApi, type Member, newCard } from "./api-support.ts";
import { select } from "./page-support.ts";

setDefaultTimeout(60_000);

/** What a page may weigh, compressed. */
const BYTES_MAX = 60_000;

const api = await createApi();
let visitor: Visitor;
let writer: Member;
/** Cites the sixty cards of the writer. */
let hub: string;

/** So many characters of four bytes each that nothing compresses. */
function noise(characters: number): string {
  const points = crypto.getRandomValues(new Uint16Array(characters));
  return String.fromCodePoint(...Array.from(points, point => 0x20000 + (point % 0xa000)));
}

beforeAll(async () => {
  visitor = await signedIn(api, await api.registerOperator("admin"));
  writer = await api.register();
  const other = await api.register();
  const sent = Array.from({ length: 60 }, () => newCard({ title: noise(1000) }));
  const { cards } = (await api.publish(writer.key, sent)).body;
  hub = (await api.publishCard(other.key, newCard({ title: noise(1000) }))).id;
  for (const { id } of cards) {
    const cited = await api.call("POST", "/api/attributions", {
      key: other.key,
      body: { source_card_id: id, target_card_id: hub, attribution_type: "inspiration" },
    });
    const paid = await api.call("POST", "/api/transfers", {
      key: writer.key,
      headers: { "idempotency-key": String(id) },
      body: { to_user: other.name, amount: "0.01", note: noise(2000) },
    });
    expect([cited.status, paid.status]).toEqual([201, 201]);
  }
  await api.sql`
    INSERT INTO users (username, email, api_key_hash, api_key_prefix, display_name)
    SELECT 'noisy-' || n, 'noisy-' || n || '@example.org', n, 'ext_test', name
    FROM unnest(${Array.from({ length: 60 }, () => noise(500))}::text[]) WITH ORDINALITY AS t (name, n)`;
  // Ids stay whole, since they are copied and filtered by.
  await api.sql`
    INSERT INTO sync_state (user_id, client_id, device_name, entity_type, entity_id, sync_status)
    SELECT ${writer.id}, md5(n::text), name, 'settings', md5(n::text), 'failed'
    FROM unnest(${Array.from({ length: 60 }, () => noise(255))}::text[]) WITH ORDINALITY AS t (name, n)`;
});

test("each page is at most 60 KB compressed, with the longest titles, names and notes on it", async () => {
  for (const path of [
    "/admin",
    "/admin/users",
    `/admin/users/${writer.id}`,
    "/admin/ledger?type=transfer_sent",
    "/admin/cards",
    `/admin/cards/${hub}`,
    `/admin/cards/${hub}/graph?depth=3`,
    "/admin/sync",
    `/admin/sync?user=${writer.id}`,
    "/admin/attributions",
    "/admin/attributions/all",
    "/admin/search?q=noisy",
  ]) {
    const { status, html } = await visitor.get(path);
    const rows = select(html, "tbody tr, main li").length;
    expect([path, status, rows > 5]).toEqual([path, 200, true]);
    expect([path, Math.max(BYTES_MAX, Bun.gzipSync(html).length)]).toEqual([path, BYTES_MAX]);
  }
});

test("the whole of a title or a note stands where it belongs", async () => {
  const title = `Begins well ${"and goes on ".repeat(80)}to its end`;
  const { id } = await api.publishCard(writer.key, newCard({ title }));
  expect(select((await visitor.get(`/admin/cards/${id}`)).html, "h1")[0]?.text.trim()).toBe(title);
  const { html } = await visitor.get("/admin/cards?q=begins+well");
  expect(select(html, "#list tbody th")[0]?.text.trim()).toMatch(/^Begins well and goes on .{60,80}…$/);
});
