// What a developer reads first: the rules that hold for every call, and what the groups of calls are about.

/** Sections of Markdown; the document's description and the beginning of its page. */
export const sections: readonly { title: string; text: string }[] = [
  {
    title: "Authentication",
    text: `Send an API key with every call: \`Authorization: Bearer <API key>\`. Registering an account gives its account key, which may do everything the account may; named keys made from it have the scopes that they are given, and can expire. A key is shown once. One that is revoked, expired or whose account is deactivated stops working at once. Every bad key is answered alike, with 401; a good key that lacks the scope or the role gets 403.`,
  },
  {
    title: "Errors",
    text: `A refusal is a problem document (RFC 9457, \`application/problem+json\`). \`type\` tells its kind and is the address of a page that explains it; \`detail\` says what was wrong this time; \`errors\` lists bad values, each with a \`pointer\` to it. A refused request has changed nothing. With 429 and 503, \`Retry-After\` says in how many seconds to come back. Every path answers 405 to a method that it does not have, with \`Allow\`, and takes HEAD where it takes GET. Outside of \`/api\`, whoever prefers HTML is told by a page.`,
  },
  {
    title: "Request ids",
    text: `Every answer has an \`X-Request-Id\`: your own where you send one (1 to 128 of A-Z a-z 0-9 . _ : -), else a new one. The server's log knows the request under it.`,
  },
  {
    title: "Retries",
    text: `A call whose answer got lost can be made again. Publishing needs nothing for that: a text that is one of the account's cards already comes back as \`duplicate\`, with the same id and page, and is not rewarded twice. Where a call takes an \`Idempotency-Key\`, the same key with the same request gives the first answer again, marked \`Idempotency-Replayed: true\`, and with another request 422. A refused request leaves its key unused.`,
  },
  {
    title: "Amounts",
    text: `Amounts of $EXTROPY are text with two decimals, such as \`"1.00"\`, never JSON numbers: a number would be rounded on its way. Requests may leave decimals out; more than two, exponents and NaN are refused.`,
  },
  {
    title: "Lists",
    text: `A list answers \`{"items": [...], "next_cursor": ...}\`. Give \`next_cursor\` as \`cursor\` for the next page, until it is null. \`limit\` is 50 unless given, at most 200; a page of very long items ends earlier. What is added meanwhile neither shifts nor repeats items.`,
  },
  {
    title: "Forms",
    text: `JSON in UTF-8, at most 8 MiB a request; fields that a call does not know are refused. Ids are UUIDs, times RFC 3339 in UTC. Texts hold neither NUL characters nor halves of surrogate pairs.`,
  },
];

export const tags: readonly { name: string; description: string }[] = [
  { name: "Accounts", description: "Registration, the profile, and keys." },
  { name: "Publishing", description: "Cards: publish, read, change, withdraw." },
  { name: "Attribution", description: "Citing other people's cards, and being cited." },
  { name: "Tokens", description: "Balance, ledger and transfers of $EXTROPY." },
  { name: "Sync", description: "Keeping several devices in step." },
  { name: "Admin", description: "For operators; auditors may read." },
  { name: "Pages", description: "What readers see in a browser or a feed reader; no key is needed." },
  { name: "System", description: "Is it up, and what can it do?" },
];
