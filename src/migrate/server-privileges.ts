// What the server's own role may do in the database, and nothing else: `migrate apply` grants it, `migrate verify`
// compares with it. A new table or SECURITY DEFINER function needs its line here.

type Right = "SELECT" | "INSERT" | "UPDATE" | "DELETE";

/** Of a table, which rights: on all columns (true) or on these. */
type TableRights = Readonly<Partial<Record<Right, true | readonly string[]>>>;

/** A hash of a key is written, and read only through `find_keys`; balances and heads are moved by the ledger alone. */
const USERS_WRITTEN = [
  ...["username", "email", "display_name", "bio", "role", "api_key_hash", "api_key_prefix"],
] as const;

/** The tables, views and sequences of the migrations. */
export const TABLE_RIGHTS: Readonly<Record<string, TableRights>> = {
  users: {
    SELECT: [
      ...["id", "username", "email", "display_name", "bio", "extropy_balance", "api_key_prefix", "is_active", "role"],
      ...["email_verified", "avatar_url", "profile_url", "metadata", "created_at", "updated_at", "last_login_at"],
      ...["erased_at", "account_key_id", "entry_count", "head_hash", "head_at", "rewards_on", "rewards_count"],
      "balance_rank",
    ],
    INSERT: [...USERS_WRITTEN, "extropy_balance"],
    UPDATE: [
      ...USERS_WRITTEN,
      ...["is_active", "email_verified", "avatar_url", "profile_url", "metadata", "last_login_at", "account_key_id"],
    ],
  },
  api_keys: {
    SELECT: ["id", "user_id", "kind", "name", "key_prefix", "scopes", "created_at", "expires_at"],
    INSERT: ["user_id", "name", "key_hash", "key_prefix", "scopes", "expires_at"],
    DELETE: true,
  },
  cards: {
    SELECT: true,
    INSERT: true,
    UPDATE: [
      ...["title", "content", "content_hash", "privacy_level", "category", "is_published", "published_at", "tags"],
      ...["source_session_id", "source_client_id", "public_url", "slug", "view_count", "metadata", "withdrawn_at"],
      ...["edited_at", "checksum", "change_no", "change_client_id", "attribution_count", "extropy_earned"],
    ],
  },
  // What only an erasure takes away goes through erase_account: these four, and users.erased_at.
  former_card_texts: { SELECT: true, INSERT: true },
  attributions: { SELECT: true, INSERT: true, UPDATE: ["attribution_note", "metadata", "reversed_at"] },
  extropy_ledger: { SELECT: true },
  transaction_notes: { SELECT: true, INSERT: true },
  idempotency_records: { SELECT: true, INSERT: true },
  audit_log: { SELECT: true, INSERT: true },
  audit_reasons: { SELECT: true, INSERT: true },
  sync_state: { SELECT: true, INSERT: true, UPDATE: true, DELETE: true },
  sync_heads: { SELECT: true, INSERT: true, UPDATE: true },
  sync_documents: { SELECT: true, INSERT: true, UPDATE: true, DELETE: true },
  operator_sessions: { SELECT: true, INSERT: true, UPDATE: ["last_seen_at"], DELETE: true },
  stats_bookmarks: { SELECT: true, INSERT: true, UPDATE: true },
  attribution_reports: { SELECT: true, INSERT: true, UPDATE: true, DELETE: true },
  ledger_days: { SELECT: true, INSERT: true, DELETE: true },
  integrity_checks: { SELECT: true, INSERT: true },
  integrity_heads: { SELECT: true, INSERT: true },
  integrity_results: { SELECT: true },
  // For the lock that lets one check run at a time. There is nothing in this view that could be updated.
  integrity_turn: { UPDATE: true },
  rate_counts: { SELECT: true, INSERT: true, UPDATE: true, DELETE: true },
  schema_metadata: { SELECT: true },
  // Where somebody else migrates, the server still looks whether that has been done.
  schema_migrations: { SELECT: true },
  user_balance_summary: {},
  // Nothing that it could not read otherwise; a check of the books locks the tables through it.
  recent_transactions: { SELECT: true },
  card_attribution_analytics: {},
  extropy_supply: {},
};

/** Sequences that the role takes numbers from; those of the ledger it doesn't. */
export const SEQUENCES = ["integrity_checks_id_seq"] as const;

/** The SECURITY DEFINER functions that it may call, with the types of their parameters. */
export const FUNCTIONS = [
  "post_entries(ledger_posting[])",
  "find_keys(character varying)",
  "retire_account_key(uuid,uuid)",
  "erase_account(uuid)",
  "note_integrity_result(boolean,timestamp with time zone,bigint,jsonb)",
  "sort_in_title_words()",
] as const;

/** Everything above as texts such as "SELECT on cards", "UPDATE on users.bio", "EXECUTE on find_keys(character varying)". */
export function expectedPrivileges(): string[] {
  const onTables = Object.entries(TABLE_RIGHTS).flatMap(([table, rights]) =>
    Object.entries(rights).flatMap(([right, columns]) =>
      columns === true ? `${right} on ${table}` : columns.map(column => `${right} on ${table}.${column}`),
    ),
  );
  const onSequences = SEQUENCES.map(name => `USAGE on ${name}`);
  const onFunctions = FUNCTIONS.map(name => `EXECUTE on ${name}`);
  return [...onTables, ...onSequences, ...onFunctions, "USAGE on schema public"];
}

/** The statements that grant all of it to a role whose name is quoted, after taking away what it had. */
export function grantStatements(role: string): string[] {
  const onTables = Object.entries(TABLE_RIGHTS).flatMap(([table, rights]) => {
    const list = Object.entries(rights).map(([right, columns]) =>
      columns === true ? right : `${right} (${columns.join(", ")})`,
    );
    return list.length === 0 ? [] : `GRANT ${list.join(", ")} ON public.${table} TO ${role}`;
  });
  return [
    `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role}`,
    `REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM ${role}`,
    `REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM ${role}`,
    `GRANT USAGE ON SCHEMA public TO ${role}`,
    ...onTables,
    ...SEQUENCES.map(name => `GRANT USAGE ON SEQUENCE public.${name} TO ${role}`),
    ...FUNCTIONS.map(
      name => `GRANT EXECUTE ON FUNCTION public.${name.replace("(ledger", "(public.ledger")} TO ${role}`,
    ),
  ];
}
