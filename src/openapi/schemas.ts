// From the zod schemas of the routes to the JSON Schemas of the document. Shapes that occur in several places are
// named here, so that the document holds each of them once and generated clients get a type with a good name.

import { z } from "zod";
import { scope } from "../auth/scopes.ts";
import { card, cardChange, category, publicLevel, publishAnswer, publishRequest } from "../cards/model.ts";
import { problemDocument } from "../contract.ts";
import { anyText } from "../text.ts";
import {
  keyRequest,
  namedKey,
  newNamedKey,
  profile,
  profileChange,
  registered,
  registration,
  rotated,
} from "../users/model.ts";
import { fields } from "./fields.ts";
import type { JsonSchema } from "./model.ts";

const NAMED: Readonly<Record<string, z.ZodType>> = {
  Problem: problemDocument,
  Profile: profile,
  Registration: registration,
  Registered: registered,
  ProfileChange: profileChange,
  KeyRequest: keyRequest,
  Key: namedKey,
  NewKey: newNamedKey,
  RotatedKey: rotated,
  Scope: scope,
  Card: card,
  CardChange: cardChange,
  Category: category,
  PublicLevel: publicLevel,
  PublishRequest: publishRequest,
  PublishAnswer: publishAnswer,
};

// A model may as well name its own shape: `.meta({ id: "Transfer" })`.
for (const [id, schema] of Object.entries(NAMED)) schema.register(z.globalRegistry, { id });

/** Collects the named shapes while it turns schemas into JSON Schemas that refer to them. */
export class Schemas {
  readonly components: Record<string, JsonSchema> = {};

  /** `io` says whether the value comes in, where defaults may be left out, or goes out. */
  toJsonSchema(schema: z.ZodType, io: "input" | "output"): JsonSchema {
    const { $schema, $defs = {}, ...own } = z.toJSONSchema(schema, { io, unrepresentable: "any", override: explain });
    for (const [name, named] of Object.entries($defs)) this.components[name] ??= finish(named as JsonSchema, name);
    return finish(own as JsonSchema);
  }
}

type Conversion = { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema };

/** Where a schema's rules stand until it is known what is said beside them. */
const RULES = "x-rules";

/** Rules that JSON Schema has no keyword for are told in the words of their error messages. */
function explain({ zodSchema, jsonSchema }: Conversion): void {
  const own = zodSchema._zod.def;
  const rules = [own, ...(own.checks ?? []).map(check => check._zod.def)].flatMap(wordsOf);
  const said = [...new Set(rules)].filter(rule => rule !== ANY_TEXT);
  if (said.length > 0) jsonSchema[RULES] ??= sentence(said.join("; "));
  // What zod adds of its own: the range in which a double is exact, and an expression for what `format` says, and
  // that names are text.
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.format) delete jsonSchema.pattern;
  if (isAnyText(jsonSchema.propertyNames)) delete jsonSchema.propertyNames;
}

function isAnyText(schema: unknown): boolean {
  return JSON.stringify(schema) === '{"type":"string"}';
}

function wordsOf({ error }: z.core.$ZodTypeDef | z.core.$ZodCheckDef): string[] {
  // Ours are fixed texts, which ask for no issue to speak about.
  const words = error?.(undefined as never);
  return typeof words === "string" ? [words] : [];
}

/** Holds for every text, and is said once in the introduction. */
const [ANY_TEXT] = (anyText.def.checks ?? []).flatMap(check => wordsOf(check._zod.def));

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Points references at the document's components, and describes fields by their names. */
function finish(schema: JsonSchema, name = ""): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/');
  return describe(JSON.parse(text) as JsonSchema, name);
}

/** What a field says of itself stands alone; else it is what its name means, with its rules. */
function describe(schema: JsonSchema & { [RULES]?: string }, component: string, field: JsonSchema = {}): JsonSchema {
  const { description: meaning, ...known } = field;
  const { [RULES]: rules, description = [meaning, rules].filter(Boolean).join(" ") } = schema;
  delete schema[RULES];
  Object.assign(schema, { ...known, ...schema }, description ? { description } : {});
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    describe(property, component, fields[`${component}.${name}`] ?? fields[name]);
  }
  for (const part of [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])])
    if (part) describe(part, component);
  return schema;
}
