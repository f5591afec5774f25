// Examples of whole answers, put together from the examples of their fields, so that each has the form that its
// schema asks for and nobody has to keep them in step.

import { EXAMPLE_HASH, EXAMPLE_ID, EXAMPLE_TIME } from "./fields.ts";
import { type Components, type JsonSchema, resolve } from "./model.ts";

/** A value that fits the schema. */
export function sampleOf(schema: JsonSchema, components: Pick<Components, "schemas">): unknown {
  if (schema.examples) return schema.examples[0];
  const known = schema.default ?? schema.const ?? schema.enum?.[0];
  if (known !== undefined) return known;
  if (schema.$ref) return sampleOf(resolve(schema, components as Components), components);
  if (schema.anyOf) return sampleOf(schema.anyOf[0] ?? {}, components);
  switch ([schema.type].flat()[0]) {
    case "object": {
      // What may be missing depends on the case, so it is missing here.
      const properties = Object.entries(schema.properties ?? {}).filter(([name]) => schema.required?.includes(name));
      return Object.fromEntries(properties.map(([name, property]) => [name, sampleOf(property, components)]));
    }
    case "array":
      return schema.items ? [sampleOf(schema.items, components)] : [];
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "boolean":
      return true;
    case "string":
      return textFor(schema);
    default:
      return null;
  }
}

function textFor({ format, pattern = "" }: JsonSchema): string {
  if (format === "uuid") return EXAMPLE_ID;
  if (format === "date-time") return EXAMPLE_TIME;
  return ["text", EXAMPLE_HASH, "1.00"].find(text => new RegExp(pattern).test(text)) ?? "";
}
