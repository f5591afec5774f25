// What the routes themselves can't tell about an operation: its name for generated clients, a request that works
// as it stands, headers of its answer, and which refusals are its own. A route may also say all this in `detail`.

import type { ProblemSlug } from "../problem.ts";
import { EXAMPLE_HASH, EXAMPLE_ID, EXAMPLE_OTHER_ID } from "./fields.ts";

export type OperationNote = {
  /** Names the method in generated clients, so it must never change. */
  id: string;
  /** A body that a new account's key can send. */
  example?: unknown;
  /** Good answers by status, where one made of examples of the fields would not do. */
  answers?: Readonly<Record<number, unknown>>;
  /** Headers of a good answer, by their names in the components. */
  gives?: readonly string[];
  /** Whether it takes an Idempotency-Key, or even needs one. */
  idempotency?: "optional" | "required";
  /** Refusals beyond those that their status alone tells. */
  problems?: readonly ProblemSlug[];
};

const PUBLISHED = {
  index: 0,
  outcome: "published",
  id: EXAMPLE_ID,
  slug: "on-the-analytical-engine-k3v9x2qa",
  public_url: "https://extrophi.example/cards/on-the-analytical-engine-k3v9x2qa",
  content_hash: EXAMPLE_HASH,
  extropy_awarded: "1.00",
};

const FILTERED = {
  index: 1,
  outcome: "filtered",
  id: null,
  slug: null,
  public_url: null,
  content_hash: null,
  extropy_awarded: "0.00",
  reason: "private",
};

/** By method and path, as the routes have them. */
export const operations: Readonly<Record<string, OperationNote>> = {
  "POST /api/users": {
    id: "registerAccount",
    example: { username: "ada", email: "ada@example.org", display_name: "Ada Lovelace" },
    problems: ["username-taken", "email-taken"],
  },
  "GET /metrics": { id: "getMetrics" },
  "GET /api/me": { id: "getProfile" },
  "PATCH /api/me": {
    id: "changeProfile",
    example: { bio: "Writes about machines that calculate.", avatar_url: "https://example.org/ada.png" },
    problems: ["email-taken"],
  },
  "DELETE /api/me": { id: "eraseAccount", problems: ["last-admin"] },
  "GET /api/keys": { id: "listKeys" },
  "POST /api/keys": {
    id: "createKey",
    example: { name: "laptop", scopes: ["read", "publish"], expires_at: "2099-12-31T00:00:00Z" },
  },
  "DELETE /api/keys/:id": { id: "deleteKey" },
  "POST /api/keys/rotate": { id: "rotateKey" },

  "POST /api/publish": {
    id: "publishCards",
    idempotency: "optional",
    example: {
      client_id: "ada-laptop",
      cards: [
        {
          title: "On the analytical engine",
          content: "It weaves *algebraic patterns* just as the loom weaves flowers and leaves.",
          privacy_level: "IDEAS",
          category: "PROGRAM",
          tags: ["history", "machines"],
        },
        { content: "Dear diary, nobody but me reads this.", privacy_level: "PRIVATE" },
      ],
    },
    answers: {
      200: {
        cards: [{ ...PUBLISHED, outcome: "duplicate", extropy_awarded: "0.00" }, FILTERED],
        published_urls: [],
        cards_published: 0,
        cards_filtered: 1,
        extropy_earned: "0.00",
        balance: "11.00",
      },
      201: {
        cards: [PUBLISHED, FILTERED],
        published_urls: [PUBLISHED.public_url],
        cards_published: 1,
        cards_filtered: 1,
        extropy_earned: "1.00",
        balance: "11.00",
      },
    },
  },
  "GET /api/cards": { id: "listCards" },
  "GET /api/cards/:id": { id: "getCard", gives: ["ETag"] },
  "PATCH /api/cards/:id": {
    id: "changeCard",
    example: { title: "Notes on the analytical engine", tags: ["history"] },
    gives: ["ETag"],
    problems: ["duplicate-card"],
  },
  "DELETE /api/cards/:id": { id: "withdrawCard" },

  "POST /api/attributions": {
    id: "attributeCard",
    example: {
      source_card_id: EXAMPLE_ID,
      target_card_id: EXAMPLE_OTHER_ID,
      attribution_type: "citation",
      attribution_note: "Where it all began.",
    },
    idempotency: "optional",
    problems: ["already-attributed", "self-attribution"],
  },
  "GET /api/attributions/:id": { id: "getAttribution" },
  "GET /api/cards/:id/attributions": { id: "listCardAttributions" },
  "GET /api/cards/:id/graph": { id: "getCardGraph" },
  "GET /api/users/:id/attributions": { id: "listReceivedAttributions" },

  "GET /api/balance": { id: "getBalance" },
  "GET /api/ledger": { id: "listEntries" },
  "GET /api/ledger/:id": { id: "getEntry" },
  "GET /api/stats": { id: "getStatistics" },
  "POST /api/transfers": {
    id: "transferTokens",
    example: { to_user: "grace", amount: "1.00", note: "Thank you for the compiler." },
    idempotency: "required",
    problems: ["self-transfer"],
  },

  "GET /api/admin/users": { id: "listAccounts" },
  "GET /api/admin/users/:id": { id: "getAccount" },
  "POST /api/admin/users/:id/deactivate": { id: "deactivateAccount", problems: ["last-admin"] },
  "POST /api/admin/users/:id/activate": { id: "activateAccount" },
  "POST /api/admin/users/:id/rotate-key": { id: "replaceAccountKey" },
  "POST /api/admin/users/:id/role": {
    id: "changeRole",
    example: { role: "auditor", reason: "Audits the books from this month on." },
    problems: ["last-admin"],
  },
  "POST /api/admin/users/:id/adjustments": {
    id: "adjustBalance",
    idempotency: "required",
    example: { type: "bonus", amount: "1.00", reason: "Found a mistake in the documentation." },
  },
  "POST /api/admin/ledger/:id/reversal": {
    id: "reverseMovement",
    idempotency: "required",
    example: { reason: "Paid by mistake." },
    problems: ["already-reversed", "not-reversible"],
  },
  "GET /api/admin/audit": { id: "listAudit" },
  "POST /api/sync/push": {
    id: "pushChanges",
    problems: ["cursor-gone", "other-account"],
    example: {
      client_id: "ada-laptop",
      device_name: "Ada's laptop",
      entities: [
        {
          entity_type: "settings",
          entity_id: "editor",
          base_checksum: null,
          checksum: "0f4f87db4567232a7f1756aa1534ec1314777b39c3bf5209f87cf9739321cddc",
          data: { theme: "dark" },
        },
      ],
    },
  },
  "POST /api/sync/resolve": {
    id: "resolveConflict",
    example: {
      client_id: "ada-laptop",
      entity_type: "settings",
      entity_id: "editor",
      resolution: "remote_wins",
    },
  },
  "GET /api/sync/pull": { id: "pullChanges", problems: ["cursor-gone", "other-account"] },
  "GET /api/sync/stream": { id: "streamChanges" },
  "GET /api/sync/state": { id: "listSyncStates" },

  "GET /api/admin/ledger": { id: "listAllEntries" },
  "GET /api/admin/cards": { id: "listAllCards" },
  "GET /api/admin/attributions": { id: "listAllAttributions" },
  "GET /api/admin/analytics/attributions": { id: "getAttributionAnalytics" },
  "GET /api/admin/integrity": { id: "checkNewEntries" },
  "POST /api/admin/integrity": { id: "checkAllEntries", problems: ["idempotency-in-flight"] },

  "GET /healthz": { id: "getHealth" },
  "GET /readyz": { id: "getReadiness" },
  "GET /openapi/json": { id: "getOpenApiDocument" },

  "GET /": { id: "getHomePage" },
  "GET /cards/:slug": { id: "getCardPage" },
  "GET /authors/:username": { id: "getAuthorPage" },
  "GET /feed.xml": { id: "getFeed" },
  "GET /authors/:username/feed.xml": { id: "getAuthorFeed" },
  "GET /problems": { id: "listProblems" },
  "GET /problems/:slug": { id: "getProblem" },
  "GET /sitemap.xml": { id: "getSiteMaps" },
  "GET /sitemaps/cards.xml": { id: "getSiteMap" },
  "GET /robots.txt": { id: "getRobotsFile" },
};
