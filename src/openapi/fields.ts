// What the names of the contract mean. Each is described once here (or, with its shape in front, for that shape alone),
// with the form that its text has and an example from which the examples of whole answers are made. Where a name means
// something else, the schema describes the field itself, and what is said here of the name is left out.

import type { JsonSchema } from "./model.ts";

/** An amount of $EXTROPY as it goes over the wire. */
const amount = { pattern: "^-?[0-9]{1,18}\\.[0-9]{2}$" };
const time = { format: "date-time" };
const hash = { pattern: "^[0-9a-f]{64}$" };

export const EXAMPLE_ID = "0198d2c4-7a10-7b3e-9f21-5c6d7e8f9a0b";
export const EXAMPLE_OTHER_ID = "0198d2c9-13f2-7c55-8b02-0a1b2c3d4e5f";
export const EXAMPLE_HASH = "65da7304ee22661c40a350ce632d1dd6da4bc043a608467a19f4e1c5fc90ced3";
export const EXAMPLE_TIME = "2030-01-31T12:00:00.000000Z";
/** Has the form of a key and a right checksum, and is nobody's. */
export const EXAMPLE_KEY = "ext_Docs1234_AnExampleThatIsNobodysKey00000004ROVBo";

/** Descriptions, forms and examples by `field`, or by `Shape.field` where it means something of its own there. */
export const fields: Readonly<Record<string, JsonSchema>> = {
  id: { examples: [EXAMPLE_ID] },
  username: { description: "The account's name in addresses, and as payee.", examples: ["ada"] },
  email: { description: "Seen by the account itself and by admins only.", examples: ["ada@example.org"] },
  display_name: { description: "The name that readers see.", examples: ["Ada Lovelace"] },
  bio: { description: "What the account says about itself.", examples: ["Writes about machines that calculate."] },
  avatar_url: { description: "A picture on the web.", examples: ["https://example.org/ada.png"] },
  profile_url: { description: "The account's own page elsewhere.", examples: ["https://example.org/ada"] },
  balance: { ...amount, description: "What the account holds.", examples: ["11.00"] },
  is_active: { description: "A deactivated account can't sign in.", examples: [true] },
  email_verified: { description: "Whether the address is known to be the account's.", examples: [false] },
  created_at: { ...time, examples: [EXAMPLE_TIME] },
  updated_at: { ...time, examples: [EXAMPLE_TIME] },
  expires_at: { ...time, description: "When it stops working; null: never.", examples: [EXAMPLE_TIME] },
  api_key: { description: "The secret. It is in this answer only.", examples: [EXAMPLE_KEY] },
  name: { examples: ["laptop"] },
  prefix: { description: "The public beginning of the key, by which it can be told.", examples: ["ext_Docs1234"] },
  scopes: { description: "What the key may do.", examples: [["read", "publish"]] },

  title: { description: "The card's title; a card need not have one.", examples: ["On the analytical engine"] },
  content: {
    description: "The card's text, Markdown: not empty, and at most 1,048,576 bytes of UTF-8.",
    examples: ["It weaves *algebraic patterns* just as the loom weaves flowers and leaves."],
  },
  content_hash: { ...hash, description: "SHA-256 of title and content, normalised.", examples: [EXAMPLE_HASH] },
  privacy_level: {
    description: "BUSINESS and IDEAS are public; any other level is private and is never stored.",
    examples: ["IDEAS"],
  },
  category: { description: "The author's own sorting.", examples: ["PROGRAM"] },
  tags: { description: "The author's own keywords.", examples: [["history", "machines"]] },
  metadata: {
    description: "Any JSON object of at most 65,536 bytes and 20 levels, given back as it was sent.",
    examples: [{ mood: "curious" }],
  },
  source_session_id: { description: "The writing session that the card came from.", examples: [7] },
  client_id: { description: "The device, under an id of its own choice.", examples: ["ada-laptop"] },
  slug: { description: "The last part of the page's address.", examples: ["on-the-analytical-engine-k3v9x2qa"] },
  public_url: {
    description: "The page for readers.",
    examples: ["https://extrophi.example/cards/on-the-analytical-engine-k3v9x2qa"],
  },
  published_urls: {
    description: "The pages of the cards that this call published.",
    examples: [["https://extrophi.example/cards/on-the-analytical-engine-k3v9x2qa"]],
  },
  attribution_count: { description: "How many cards cite this one.", examples: [0] },
  extropy_earned: { ...amount, description: "$EXTROPY earned.", examples: ["1.00"] },
  extropy_awarded: { ...amount, description: "The reward for publishing this card.", examples: ["1.00"] },
  published_at: { ...time, examples: [EXAMPLE_TIME] },
  edited_at: { ...time, description: "When the author last changed it; null: never.", examples: [null] },
  index: { description: "The card's place in the request, from 0.", examples: [0] },
  outcome: { description: "`filtered` cards are private: nothing of them was stored.", examples: ["published"] },
  cards_published: { description: "How many cards this call published.", examples: [1] },
  cards_filtered: { description: "How many cards were private.", examples: [0] },

  amount: { ...amount, examples: ["0.10"] },
  sum: { ...amount, examples: ["1.00"] },
  extropy_amount: { ...amount, examples: ["0.10"] },
  balance_before: { ...amount, examples: ["11.00"] },
  balance_after: { ...amount, examples: ["11.10"] },
  earned: { ...amount, examples: ["11.10"] },
  spent: { ...amount, examples: ["0.00"] },
  net: { ...amount, examples: ["11.10"] },
  as_of: { ...time, examples: [EXAMPLE_TIME] },
  reversed_at: { ...time, examples: [null] },
  attribution_note: { description: "What the citing author says about it.", examples: ["Where it all began."] },

  limit: { description: "How many items a page has at most." },
  cursor: { description: "Continues a list: the `next_cursor` of the page before." },
  next_cursor: { description: "Give it as `cursor` for the next page; null: this is the last.", examples: [null] },
  tag: { description: "Only cards with this tag." },
  q: { description: "Only what holds this text, upper and lower case alike." },

  device_name: { description: "The device's name for people.", examples: ["Ada's laptop"] },
  entity_type: {
    description: "`card`, `user_profile`, `settings` or `session`.",
    examples: ["settings"],
  },
  entity_id: {
    description: "A card's UUID, `me` for the profile, for the others any text of 1 to 255 characters.",
    examples: ["editor"],
  },
  base_checksum: {
    description: "The checksum that the server's version had when the device last saw it; null: there was none.",
    examples: [null],
  },
  checksum: {
    description: "SHA-256 of the canonical JSON (RFC 8785) of `data`; null where that is deleted.",
    examples: [EXAMPLE_HASH],
  },
  data: { description: "The entity itself; null where it is deleted.", examples: [{ theme: "dark" }] },
  deleted: { description: "Whether it is deleted.", examples: [false] },
  sync_status: { description: "What became of it.", examples: ["synced"] },
  server: { description: "What the server has." },
  card_id: { examples: [EXAMPLE_ID] },
  resolution: { description: "Whose version is to stand." },
  changed_at: { ...time, examples: [EXAMPLE_TIME] },
  has_more: { description: "Whether another pull brings more at once.", examples: [false] },
  wait: { description: "Seconds to wait for something to come." },
  last_synced_at: { ...time, examples: [EXAMPLE_TIME] },
  local_checksum: { description: "What the device had.", examples: [EXAMPLE_HASH] },
  remote_checksum: { description: "What the server had.", examples: [EXAMPLE_HASH] },
  conflict_resolution: { description: "How the last push's conflict was resolved.", examples: [null] },
  sync_direction: { description: "Which way the data went.", examples: ["push"] },
  error_message: { description: "Why it failed.", examples: [null] },
  retry_count: { description: "How many pushes of it have failed since it was last in step.", examples: [0] },
  "EntityError.card_id": { description: "The card that has the same text." },
  "PushRequest.cursor": { description: "How far the device has pulled: the `cursor` of its last pull." },
  "PullAnswer.cursor": { description: "Where the next pull goes on. Always there, also when nothing came." },
  "PullAnswer.items": { description: "The changes, in the order in which they were committed." },

  "Problem.type": { description: "The address of the problem's page; its last part tells the kind." },
  "Problem.title": { description: "The kind of problem in a few words." },
  "Problem.status": { description: "The HTTP status." },
  "Problem.detail": { description: "What was wrong this time, for people." },
  "Problem.errors": { description: "Every value that can't be taken." },
  "Problem.pointer": { description: "Where: a JSON pointer into the body, or a slash and the parameter's name." },
  request_id: { description: "The request's id, under which the log has it.", examples: [EXAMPLE_ID] },
};
