// How pages and files for readers are described in the API's document: by their content types, since there is no
// schema to check a page with.

/** An answer of these types with a text as its body. */
export function textAnswer(description: string, types: readonly string[]) {
  return {
    description,
    content: Object.fromEntries(types.map(type => [type, { schema: { type: "string" as const } }])),
  };
}

/** 301: the same thing stands at another address. */
export const movedAnswer = {
  description: "It stands at another address, which `Location` names.",
  headers: { Location: { schema: { type: "string" as const } } },
};

/** 304: the client has this very answer already. */
export const unchangedAnswer = { description: "Unchanged: the `If-None-Match` header names this very answer." };
