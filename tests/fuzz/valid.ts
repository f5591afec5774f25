// Requests that an operation should take, made from its schemas: where deep code is to be reached, what is sent must get
// there. Names that mean something (a card that exists, a payee, a reason) have values that make sense.

import canonicalize from "canonicalize";
import fc from "fast-check";
import { type JsonSchema, type OpenApiDocument, resolve } from "../../src/openapi/model.ts";
import { sha256 } from "../../src/sha256.ts";

type Value = fc.Arbitrary<unknown>;
type Components = OpenApiDocument["components"];

/** Lists are short here: a hundred cards reach no deeper than three, and take longer. */
const ITEMS_MAX = 3;

const note = fc.oneof(
  fc.constantFrom("Thanks.", "Ünïcödé 🦊", "<b>bold</b>"),
  fc.string({ minLength: 1, maxLength: 30 }),
);
const amount = fc.constantFrom("0.01", "0.1", "1", "1.00", "2.50", "999999999999999999.99", "0", "0.00");
const time = fc.constantFrom(
  "2020-01-01T00:00:00Z",
  "2026-01-01T00:00:00.123456Z",
  "2098-12-31T23:59:59+01:00",
  "1970-01-01T00:00:00Z",
);
const device = fc.constantFrom("{{device}}", "{{conflicted}}", "a device", "{{n}}");
const freshText = fc.oneof(
  fc.constant("text {{n}}"),
  fc.string({ maxLength: 200 }).map(text => `${text} {{n}}`),
  fc.constantFrom("the same text", "# A *heading*\n\n[link](https://example.org) `{{n}}`"),
);

/** By the name of a field or parameter. */
const KNOWN: Readonly<Record<string, Value>> = {
  username: fc.constantFrom("fuzz-{{n}}", "fuzz-{{n}}", "{{ownerName}}"),
  email: fc.constantFrom("fuzz-{{n}}@example.org", "fuzz-{{n}}@example.org", "{{ownerName}}@example.org"),
  source_card_id: fc.constantFrom("{{cited}}", "{{cited}}", "{{card}}", "{{withdrawn}}"),
  target_card_id: fc.constantFrom("{{card}}", "{{citing}}", "{{cited}}"),
  attribution_note: fc.option(note),
  to_user: fc.constantFrom("{{otherId}}", "{{otherName}}", "{{ownerName}}", "nobody-at-all"),
  amount,
  amount_min: amount,
  amount_max: amount,
  reason: note,
  note: fc.option(note),
  name: note,
  title: fc.option(note),
  content: freshText,
  privacy_level: fc.constantFrom("IDEAS", "IDEAS", "business", "PRIVATE", "Personal"),
  metadata: fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
  expires_at: fc.option(fc.constantFrom("2098-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z")),
  client_id: device,
  entities: fc.array(entity(), { minLength: 1, maxLength: ITEMS_MAX }),
  entity_id: fc.constantFrom("editor", "me", "{{card}}"),
  user: fc.constantFrom("{{ownerId}}", "{{ownerName}}"),
  source_user: fc.constantFrom("{{otherId}}", "{{otherName}}"),
  target_user: fc.constantFrom("{{ownerId}}", "{{ownerName}}"),
  user_id: fc.constant("{{ownerId}}"),
  card_id: fc.constantFrom("{{card}}", "{{citing}}"),
  attribution_id: fc.constant("{{attribution}}"),
  cursor: fc.constant("{{cursor}}"),
  from: time,
  to: time,
  at: time,
  // A wait of seconds would be one of the test as well.
  wait: fc.constant(0),
  q: fc.constantFrom("text", "a", "{{ownerName}}", "%", "_"),
  avatar_url: fc.option(fc.webUrl()),
  profile_url: fc.option(fc.webUrl()),
  after: fc.constant("{{cursor}}"),
};

/** Something that a device pushes: right in itself, over a base that may be wrong. */
function entity(): Value {
  const settings = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  const card = fc.record({
    title: fc.option(note),
    content: fc.string({ minLength: 1, maxLength: 60 }).map(text => `${text}.`),
    privacy_level: fc.constantFrom("IDEAS", "BUSINESS", "PRIVATE"),
    category: fc.constantFrom(null, "GRIT"),
    tags: fc.array(note, { maxLength: 2 }),
    metadata: settings,
  });
  const profile = fc.record({
    display_name: fc.constantFrom(null, "A name"),
    bio: fc.option(note),
    avatar_url: fc.constant(null),
    profile_url: fc.constant(null),
  });
  const pushed = fc.oneof(
    fc.tuple(fc.constantFrom("settings", "session"), fc.constantFrom("editor", "one", "two"), settings),
    fc.tuple(fc.constant("card"), fc.uuid(), card),
    fc.tuple(fc.constant("user_profile"), fc.constant("me"), profile),
  );
  return fc
    .tuple(pushed, fc.constantFrom(null, null, "0".repeat(64)), fc.integer({ max: 9, min: 0 }))
    .map(([[entity_type, entity_id, data], base_checksum, chance]) =>
      chance === 0
        ? { entity_type, entity_id, base_checksum, data: null, checksum: null, deleted: true }
        : { entity_type, entity_id, base_checksum, data, checksum: sha256(canonicalize(data) ?? "") },
    );
}

/** Values of a schema. `name` is that of the field or parameter. */
export function valuesOf(schema: JsonSchema, components: Components, name = ""): Value {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  if (known) return known;
  if (schema.$ref) return valuesOf(resolve<JsonSchema>({ $ref: schema.$ref }, components), components, name);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map(choice => valuesOf(choice, components, name)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  return fc.oneof(...[schema.type ?? "any"].flat().map(type => typed(type, schema, components)));
}

function typed(type: string, schema: JsonSchema, components: Components): Value {
  switch (type) {
    case "object":
      return objectOf(schema, components);
    case "array": {
      const minLength = schema.minItems ?? 0;
      return fc.array(valuesOf(schema.items ?? {}, components), {
        minLength,
        maxLength: Math.max(minLength, ITEMS_MAX),
      });
    }
    case "integer":
    case "number":
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(schema.maximum ?? 1000, 2_147_483_647) });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "string":
      return textOf(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf({ properties = {}, required = [] }: JsonSchema, components: Components): Value {
  const fields = Object.entries(properties).map(([name, field]) => [name, valuesOf(field, components, name)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: required });
}

function textOf({ format, pattern, minLength = 0, maxLength = 40 }: JsonSchema): Value {
  if (format === "uuid") return fc.uuid();
  if (format === "date-time") return time;
  if (format === "date") return fc.constantFrom("2020-01-01", "2098-12-31");
  if (format === "uri") return fc.webUrl();
  if (pattern) return fc.constantFrom("1.00", "0".repeat(64), "text-1");
  return fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
}
