// What the OpenAPI document says of fields and parameters: one thing of each, and that of this field.

import { expect, test } from "bun:test";
import { z } from "zod";
import { fields } from "../src/openapi/fields.ts";
import type { OpenApiDocument } from "../src/openapi/model.ts";
import { Schemas } from "../src/openapi/schemas.ts";
import { text } from "../src/text.ts";
import { createApi } from "./api-support.ts";

const api = await createApi();
const { body: document } = await api.call<OpenApiDocument>("GET", "/openapi/json");

/** Every description below a part of a document or a schema, but for those in examples. */
function descriptionsIn(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, inner]) => {
    if (name === "example" || name === "examples") return [];
    return name === "description" && typeof inner === "string" ? [inner] : descriptionsIn(inner);
  });
}

/** What the schemas of the routes say themselves, without what is made of the names of fields and of their rules. */
function ownDescriptions(): Set<string> {
  const schemas = api.app.routes.flatMap(({ hooks: { body, query, params, response } }) => [
    ...[body, query, params],
    ...(typeof response === "object" ? Object.values(response) : [response]),
  ]);
  const known = schemas.filter(schema => schema instanceof z.ZodType);
  return new Set(
    known.flatMap(schema => descriptionsIn(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }))),
  );
}

test("what a field says of itself stands alone; else it is what its name means, with its rules", () => {
  const { properties } = new Schemas().toJsonSchema(
    z.object({
      q: z.string().optional().describe("Only what rhymes with this."),
      tag: text(1, 7),
      title: text(1, 7).describe("The title of the play."),
      verse: text(1, 7),
      act: z.string(),
    }),
    "input",
  );
  expect(Object.entries(properties ?? {}).map(([name, { description }]) => [name, description])).toEqual([
    ["q", "Only what rhymes with this."],
    ["tag", "Only cards with this tag. Text of 1 to 7 characters."],
    ["title", "The title of the play."],
    ["verse", "Text of 1 to 7 characters."],
    ["act", undefined],
  ]);
});

test("no description says something else besides what its field says of itself", () => {
  const own = [...ownDescriptions()];
  expect(own.length).toBeGreaterThan(50);
  const general = Object.values(fields).flatMap(({ description }) => description ?? []);
  for (const description of descriptionsIn(document)) {
    const besides = [...own, ...general].filter(said => description !== said && description.endsWith(` ${said}`));
    expect([description, ...besides]).toEqual([description]);
    // What only adds to something can't stand alone.
    expect(description).not.toMatch(/^(null|and|or|but)\b/i);
    expect(description).not.toMatch(/^(.+\.) \1/);
  }
  expect(JSON.stringify(document)).not.toContain('"x-');
});

test("a name that means something else in one place says so there", () => {
  const queryOf = (path: string) =>
    Object.fromEntries(
      (document.paths[path]?.get?.parameters ?? []).flatMap(part => ("name" in part ? [[part.name, part]] : [])),
    );
  expect(queryOf("/api/admin/users").q?.description).toStartWith("Only accounts");
  expect(queryOf("/api/admin/ledger").card_id?.description).toBe("Only entries about this card.");
  expect(queryOf("/api/cards").privacy_level?.description).toBe("Only cards of this level.");
  expect(queryOf("/api/sync/pull").cursor?.description).toContain("pull before");
  const { EntityError, PushRequest, ListedCard } = document.components.schemas;
  expect(EntityError?.properties?.card_id?.description).toBe("The card that has the same text.");
  expect(PushRequest?.properties?.cursor?.description).toContain("pull");
  expect(ListedCard?.properties?.slug?.description).toBe(
    "The last part of the page's address; null: the card was withdrawn.",
  );
  const problem = JSON.stringify(document.paths["/problems/{slug}"]?.get?.responses[200]);
  expect(problem).not.toContain("The card's title");
});

test("what stands in one of several shapes is told of as well", () => {
  for (const shape of document.components.schemas.ResolveRequest?.oneOf ?? []) {
    expect(shape.properties?.client_id?.description).toStartWith("The device");
  }
});
