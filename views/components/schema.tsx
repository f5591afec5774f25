// A JSON Schema for people: the type in a few words, the rules in a sentence, and a table with a row for each field.

import { Html } from "@kitajs/html";
import type { JsonSchema } from "../../src/openapi/model.ts";
import { Prose } from "./text.tsx";

/** Where the page has the table of a named shape. */
export function shapeId(name: string): string {
  return `shape-${name}`;
}

/** The type of a value, with links to named shapes. */
export function TypeOf({ schema }: { schema: JsonSchema }): string {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return (
      <a href={`#${shapeId(name)}`} safe>
        {name}
      </a>
    ) as string;
  }
  if (schema.anyOf) return schema.anyOf.map(part => TypeOf({ schema: part })).join(" or ");
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (values) return values.map(value => (<code safe>{JSON.stringify(value)}</code>) as string).join(" ");
  if (schema.items) return `list of ${TypeOf({ schema: schema.items })}`;
  const types = [schema.type ?? "any"].flat().join(" or ");
  return Html.escapeHtml(schema.format ? `${types} (${schema.format})` : types);
}

/** What holds for a value beside its type. */
function rulesOf(schema: JsonSchema): string[] {
  const { description, minimum, maximum, minItems, maxItems, minLength, maxLength } = schema;
  return [
    ...(description ? [description] : []),
    ...(schema.anyOf ?? []).flatMap(rulesOf),
    ...range(minimum, maximum, ""),
    ...(description?.includes(String(maxItems)) ? [] : range(minItems, maxItems, " items")),
    ...(description?.includes(String(maxLength)) ? [] : range(minLength, maxLength, " characters")),
    ...(schema.default === undefined ? [] : [`\`${JSON.stringify(schema.default)}\` unless given.`]),
  ];
}

function range(min: number | undefined, max: number | undefined, unit: string): string[] {
  if (min === undefined && max === undefined) return [];
  if (max === undefined) return [`At least ${min}${unit}.`];
  return [min ? `${min} to ${max}${unit}.` : `At most ${max}${unit}.`];
}

export type Field = { name: string; note: string; schema: JsonSchema };

/** The fields of an object, those of objects within it behind them. */
export function fieldsOf(schema: JsonSchema, prefix = ""): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = prefix + name;
    const note = schema.required?.includes(name) ? "required" : "";
    const inner = [property, ...(property.anyOf ?? [])].find(part => part.properties ?? part.items?.properties);
    const nested = inner?.items ? fieldsOf(inner.items, `${path}[].`) : inner ? fieldsOf(inner, `${path}.`) : [];
    return [{ name: path, note, schema: property }, ...nested];
  });
}

/** The fields as a table under a caption. */
export function FieldTable({ caption, fields }: { caption: string; fields: readonly Field[] }) {
  return (
    <table>
      <caption safe>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        {fields.map(({ name, note, schema }) => (
          <tr>
            <th scope="row">
              <code safe>{name}</code>
              {note ? <small safe>{note}</small> : ""}
            </th>
            <td>{TypeOf({ schema }) as "safe"}</td>
            <td>
              <Prose text={rulesOf(schema).join(" ")} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A value as indented JSON. */
export function Json({ value }: { value: unknown }) {
  return (
    <pre tabindex="0">
      <code safe>{JSON.stringify(value, null, 2)}</code>
    </pre>
  );
}
