// What the tests of the HTTP API share: an app on a database of its own, and short ways to call it.

import { createApp } from "../src/app.ts";
import type { PublishAnswer } from "../src/cards/model.ts";
import { readConfig } from "../src/config.ts";
import { createPool, type Sql } from "../src/db.ts";
import { serverUrlOf } from "../src/embedded/server-login.ts";
import { createLogger } from "../src/log.ts";
import { applyMigrations } from "../src/migrate.ts";
import { ensureAdmin } from "../src/users/ensure-admin.ts";
import { createServerPool, createTestDatabase } from "./support.ts";

/** An answer; problem documents have their members beside those of `T`. */
export type Answer<T> = { status: number; headers: Headers; text: string; body: T & Partial<Problem> };

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  request_id: string;
  errors: { pointer: string; detail: string }[];
};

export type CallOptions = {
  key?: string | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, as application/json unless `headers` say otherwise. */
  raw?: NonNullable<RequestInit["body"]>;
  headers?: Record<string, string>;
  /** The client goes away when it aborts. */
  signal?: AbortSignal;
};

export type Member = { id: string; name: string; key: string };
export type CardInput = Record<string, unknown>;

/** An app as one process would run it, as the server's own role. `logs` holds every line that it has logged. */
export type Api = {
  /** The owner's pool, for what the app itself may not do. */
  sql: Sql;
  url: string;
  /** The app's own pool. */
  pool: Sql;
  app: ReturnType<typeof createApp>;
  logs: string[];
  call<T = Record<string, unknown>>(method: string, path: string, options?: CallOptions): Promise<Answer<T>>;
  /** Registers a member; the app must have open registration, which is what `createApi` gives it. */
  register(name?: string): Promise<Member>;
  /** A new account that has this role. */
  registerOperator(role: "admin" | "auditor"): Promise<Member>;
  /** The admin that the server makes for itself. */
  createAdmin(): Promise<Member>;
  publish(key: string, cards: CardInput[], more?: Record<string, unknown>): Promise<Answer<PublishAnswer>>;
  /** Publishes one card and gives its line of the answer. */
  publishCard(key: string, card?: CardInput): Promise<PublishAnswer["cards"][number] & { id: string }>;
};

const CHEAP = {
  BCRYPT_COST: "4",
  REGISTRATION: "open",
  REGISTRATIONS_PER_HOUR: "0",
  RATE_LIMIT_PER_MINUTE: "0",
  AUTH_FAILURES_PER_MINUTE: "0",
};

type Beside = Pick<Api, "sql" | "url"> & { pool?: Sql };

/** An app with the environment `env`, on a new database or on that of another app, as a second process would be. */
export async function createApi(env: Record<string, string> = {}, beside?: Beside): Promise<Api> {
  const { sql, url, pool } = { pool: undefined, ...(beside ?? (await createTestDatabase())) };
  // One that was restored, say, knows nothing of the server's role: a start grants it what it needs.
  if (beside && !pool) await applyMigrations(url, { serverUrl: serverUrlOf(url) });
  return createApiOn({ sql, url, pool: pool ?? createServerPool(url) }, env);
}

/** An app whose database can't be reached. */
export function createApiWithoutDatabase(): Api {
  const url = "postgres://nobody:secret-password@127.0.0.1:1/nothing";
  const pool = createPool(url);
  return createApiOn({ sql: pool, url, pool }, {});
}

function createApiOn({ sql, url, pool }: { sql: Sql; url: string; pool: Sql }, env: Record<string, string>): Api {
  const logs: string[] = [];
  const config = readConfig({ ...CHEAP, ...env });
  const log = createLogger("debug", { write: line => void logs.push(line) });
  const app = createApp({ config, sql: pool, log });

  async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return readAnswer<T>(await app.handle(new Request(`http://localhost${path}`, toInit(method, options))));
  }

  const publish: Api["publish"] = (key, cards, more) => call("POST", "/api/publish", { key, body: { ...more, cards } });

  async function register(name = newName()): Promise<Member> {
    const body = { username: name, email: `${name}@example.org` };
    const answer = await call<{ user: { id: string }; api_key: string }>("POST", "/api/users", { body });
    if (answer.status !== 201) throw new Error(`registration was refused: ${answer.text}`);
    return { id: answer.body.user.id, name, key: answer.body.api_key };
  }

  return {
    sql,
    url,
    pool,
    app,
    logs,
    call,
    publish,
    register,
    async registerOperator(role) {
      const member = await register();
      await sql`UPDATE users SET role = ${role} WHERE id = ${member.id}`;
      return member;
    },
    async createAdmin() {
      const admin = await ensureAdmin({ sql: pool, config, log });
      if (!admin) throw new Error("there is an admin already");
      const [row] = await sql<{ id: string }[]>`SELECT id FROM users WHERE username = ${admin.username}`;
      return { id: row?.id ?? "", name: admin.username, key: admin.apiKey };
    },
    async publishCard(key, card = newCard()) {
      const answer = await publish(key, [card]);
      const line = answer.body.cards?.[0];
      if (!line?.id) throw new Error(`the card was not published: ${answer.text}`);
      return { ...line, id: line.id };
    },
  };
}

/** What fetch and Request take for a call. */
export function toInit(method: string, { key, body, raw, headers = {}, signal }: CallOptions): RequestInit {
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(sent === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
    ...(signal ? { signal } : {}),
  };
}

/** Reads an answer to its end. */
export async function readAnswer<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, text, body: isJson && text ? JSON.parse(text) : {} };
}

export function newName(): string {
  return `user-${crypto.randomUUID().slice(0, 13)}`;
}

/** A card that no other test publishes. */
export function newCard(more: CardInput = {}): CardInput {
  return { title: "A title", content: `text ${crypto.randomUUID()}`, privacy_level: "IDEAS", ...more };
}

/** Listens on a free port as the real server does. `stop` cuts what is still running. */
export function listen({ app }: Api): { baseUrl: string; port: number; stop(): Promise<void> } {
  app.listen({ hostname: "127.0.0.1", port: 0, reusePort: false, development: false });
  const port = app.server?.port ?? 0;
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    port,
    stop: async () => {
      await app.server?.stop(true);
    },
  };
}

/** The tables in which a text stands anywhere. */
export async function tablesWith(sql: Sql, text: string): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    SELECT c.oid::regclass::text AS name FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY name LIMIT 1000`;
  const found = [];
  for (const { name } of tables) {
    const rows = await sql`SELECT FROM ${sql(name)} t WHERE strpos(t::text, ${text}) > 0 LIMIT 1`;
    if (rows.length > 0) found.push(name);
  }
  return found;
}
