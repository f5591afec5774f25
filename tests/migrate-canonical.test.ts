// What one version of PostgreSQL prints in one way and another, or a restored dump, in another way has the
// same text in a catalogue; what differs in meaning has not.

import { expect, test } from "bun:test";
import { canonical } from "../src/migrate/canonical.ts";

test("a list of varchar values is the same written by hand and restored", () => {
  const written = "CHECK (((kind)::text = ANY ((ARRAY['it''s'::character varying, 'b'::character varying])::text[])))";
  const restored =
    "CHECK (((kind)::text = ANY (ARRAY[('it''s'::character varying)::text, ('b'::character varying)::text])))";
  expect(canonical(restored)).toBe(canonical(written));
  expect(canonical(written.replace("'b'", "'c'"))).not.toBe(canonical(written));
});

test("a view of a single relation is the same printed by PostgreSQL 15 and by later ones", () => {
  const subquery = `( SELECT count(*) AS count
           FROM public.cards c
          WHERE (c.user_id = u.id)) AS cards
   FROM public.users u
  WHERE `;
  const on15 = `SELECT u.id,\n    ${subquery}u.is_active;`;
  const on18 = `SELECT id,\n    ${subquery}is_active;`;
  expect(canonical(on15)).toBe(canonical(on18));
  expect(canonical(on15.replace("c.user_id", "c.id"))).not.toBe(canonical(on18));
});

test("a view of several relations keeps the names that tell them apart", () => {
  const view = "SELECT a.id\n   FROM public.a\n     JOIN public.b ON ((a.id = b.id));";
  expect(canonical(view)).toBe(view);
});
