// The limits of what may be sent, each at its edge: the last that is taken and the first that is not.

import { beforeAll, describe, expect, test } from "bun:test";
import { type Api, createApi, listen, type Member, newCard, readAnswer, toInit } from "./api-support.ts";

const MIB = 1_048_576;

let api: Api;
let member: Member;
beforeAll(async () => {
  api = await createApi();
  member = await api.register();
});

/** Publishes a card and gives the status with where the fault is, if there is one. */
async function outcomeOf(more: Record<string, unknown>): Promise<string> {
  const { status, body } = await api.publish(member.key, [newCard(more)]);
  return status === 201 ? "taken" : `${status} ${body.errors?.map(error => error.pointer).join(" ")}`;
}

const nested = (levels: number): unknown => (levels === 0 ? "x" : { a: nested(levels - 1) });
const nestedLists = (levels: number): unknown => (levels === 0 ? "x" : [nestedLists(levels - 1)]);

/** A metadata object whose JSON has so many bytes. */
const ofBytes = (bytes: number, piece = "x") => {
  const empty = Buffer.byteLength(JSON.stringify({ a: "" }));
  const text = piece.repeat(Math.floor((bytes - empty) / Buffer.byteLength(piece)));
  return { a: text + "x".repeat(bytes - empty - Buffer.byteLength(text)) };
};

/** A text of so many bytes of UTF-8 that no other test sends. */
const contentOf = (bytes: number, piece = "x") => {
  const mark = crypto.randomUUID();
  const text = mark + piece.repeat(Math.floor((bytes - mark.length) / Buffer.byteLength(piece)));
  return text + "y".repeat(bytes - Buffer.byteLength(text));
};

describe("content", () => {
  test.each(["x", "é", "日", "🦊"])("has at most 1,048,576 bytes of UTF-8: %s", async piece => {
    const content = contentOf(MIB, piece);
    expect(Buffer.byteLength(content)).toBe(MIB);
    const { id } = await api.publishCard(member.key, newCard({ content }));
    expect((await api.call("GET", `/api/cards/${id}`, { key: member.key })).body.content).toBe(content);
    expect(await outcomeOf({ content: `${content}!` })).toBe("422 /cards/0/content");
  });

  test.each(["", " ", "\n\t\r", "\ufeff", "\u00a0\u2003\u3000\u2028"])("is never empty or blank: %j", async content => {
    expect(await outcomeOf({ content })).toBe("422 /cards/0/content");
  });

  test.each([undefined, null, 5, {}])("is text, not %j", async content => {
    expect(await outcomeOf({ content })).toBe("422 /cards/0/content");
  });

  test("may be white space that trim leaves", async () => {
    expect(await outcomeOf({ title: crypto.randomUUID(), content: "\u200b" })).toBe("taken");
  });
});

describe("a title", () => {
  test.each(["x", "é", "🦊", "\u{10ffff}"])("has at most 1000 characters, whatever each takes: %s", async piece => {
    expect(await outcomeOf({ title: piece.repeat(1000) })).toBe("taken");
    expect(await outcomeOf({ title: piece.repeat(1001) })).toBe("422 /cards/0/title");
  });
});

describe("tags", () => {
  test("are at most 50", async () => {
    expect(await outcomeOf({ tags: Array(50).fill("x") })).toBe("taken");
    expect(await outcomeOf({ tags: Array(51).fill("x") })).toBe("422 /cards/0/tags");
  });

  test("have 1 to 100 characters each", async () => {
    expect(await outcomeOf({ tags: ["x", "x".repeat(100), "🦊".repeat(100)] })).toBe("taken");
    expect(await outcomeOf({ tags: ["x", "x".repeat(101)] })).toBe("422 /cards/0/tags/1");
    expect(await outcomeOf({ tags: ["🦊".repeat(101)] })).toBe("422 /cards/0/tags/0");
    expect(await outcomeOf({ tags: [""] })).toBe("422 /cards/0/tags/0");
  });

  test.each(["x", { 0: "x" }, [null], [5], [["x"]]].map(tags => [{ tags }]))(
    "are a list of texts, not %j",
    async sent => {
      expect(await outcomeOf(sent)).toStartWith("422 /cards/0/tags");
    },
  );
});

describe("metadata", () => {
  test.each(["x", "🦊", '"'])("has at most 64 KiB as JSON: %s", async piece => {
    const size = Buffer.byteLength(JSON.stringify(piece)) - 2;
    const metadata = ofBytes(65_536, piece.repeat(1));
    const exact = size === Buffer.byteLength(piece) ? metadata : { a: piece.repeat(Math.floor((65_536 - 8) / size)) };
    expect(Buffer.byteLength(JSON.stringify(exact))).toBe(65_536);
    expect(await outcomeOf({ metadata: exact })).toBe("taken");
    expect(await outcomeOf({ metadata: { ...exact, a: `${exact.a}x` } })).toBe("422 /cards/0/metadata");
  });

  test("has at most 20 levels", async () => {
    expect(await outcomeOf({ metadata: nested(20) })).toBe("taken");
    expect(await outcomeOf({ metadata: nested(21) })).toBe("422 /cards/0/metadata");
    expect(await outcomeOf({ metadata: { a: nestedLists(19) } })).toBe("taken");
    expect(await outcomeOf({ metadata: { a: nestedLists(20) } })).toBe("422 /cards/0/metadata");
  });

  test.each([[[]], ["x"], [5], [true]])("is an object, not %j", async metadata => {
    expect(await outcomeOf({ metadata })).toBe("422 /cards/0/metadata");
  });
});

describe("a category", () => {
  test.each(["UNASSIMILATED", "PROGRAM", "CATEGORIZED", "GRIT", "TOUGH", "JUNK"])("may be %s", async category => {
    expect(await outcomeOf({ category })).toBe("taken");
  });

  test.each(["", "grit", "OTHER", 5, {}])("is never %j", async category => {
    expect(await outcomeOf({ category })).toBe("422 /cards/0/category");
  });
});

describe("a request to publish", () => {
  test("has 1 to 100 cards", async () => {
    const cards = Array.from({ length: 101 }, () => newCard());
    expect((await api.publish(member.key, cards.slice(1))).status).toBe(201);
    for (const wrong of [cards, []]) {
      expect(await api.publish(member.key, wrong)).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: "/cards" }] },
      });
    }
  });

  test("has a client_id of 1 to 255 characters", async () => {
    for (const client_id of ["x", "x".repeat(255), "🦊".repeat(255)]) {
      expect((await api.publish(member.key, [newCard()], { client_id })).status).toBe(201);
    }
    for (const client_id of ["", "x".repeat(256), "🦊".repeat(256), 5]) {
      expect(await api.publish(member.key, [newCard()], { client_id })).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: "/client_id" }] },
      });
    }
  });

  test("has at most 8 MiB, also over a connection", async () => {
    const cards = Array.from({ length: 7 }, () => newCard({ content: contentOf(MIB) }));
    const rest = 8 * MIB - Buffer.byteLength(JSON.stringify({ cards: [...cards, newCard({ content: "" })] }));
    const body = JSON.stringify({ cards: [...cards, newCard({ content: contentOf(rest) })] });
    expect(Buffer.byteLength(body)).toBe(8 * MIB);
    const { baseUrl, stop } = listen(api);
    const post = async (raw: string) =>
      readAnswer(await fetch(`${baseUrl}/api/publish`, toInit("POST", { key: member.key, raw })));
    expect(await post(body)).toMatchObject({ status: 201, body: { cards_published: 8 } });
    expect(await post(`${body} `)).toMatchObject({ status: 413, body: { type: "/problems/payload-too-large" } });
    await stop();
    expect((await api.call("POST", "/api/publish", { key: member.key, raw: `${body} ` })).status).toBe(413);
  });
});

describe("what the database would refuse", () => {
  test("is refused before: a session beyond 32 bits", async () => {
    for (const source_session_id of [2_147_483_647, -2_147_483_648, 0]) {
      expect(await outcomeOf({ source_session_id })).toBe("taken");
    }
    for (const source_session_id of [2_147_483_648, -2_147_483_649, 0.5, 1e300]) {
      expect(await outcomeOf({ source_session_id })).toStartWith("422 /cards/0/source_session_id");
    }
  });
});
