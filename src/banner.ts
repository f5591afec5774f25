// What a person sees when the server has started: where to look, and the first admin's key, once.

import type { Config } from "./config.ts";

export type BannerFacts = {
  config: Pick<Config, "host" | "publicBaseUrl" | "databaseUrl" | "adminApiKey">;
  /** The port that is listened on. */
  port: number;
  /** The folder of an embedded database. */
  dataDir: string | undefined;
  /** Whether the server's role of the database owns the tables. */
  isOwner: boolean;
  /** The admin who was created by this start, if one was. */
  admin: { username: string; apiKey: string } | undefined;
};

/** The text for standard output. It holds the admin's key where that was made just now, but no password of a database. */
export function formatBanner({ config, port, dataDir, isOwner, admin }: BannerFacts): string {
  const base = config.publicBaseUrl ?? `http://${localName(config.host)}:${port}`;
  const rows = [
    ["Server", base],
    ["Admin", `${base}/admin`],
    ["Documentation", `${base}/openapi`],
    dataDir ? ["Data", `${dataDir} (embedded PostgreSQL)`] : ["Database", placeOf(config.databaseUrl ?? "")],
  ];
  const more = [isOwner ? OWNER_WARNING : "", admin ? introduce(admin, config.adminApiKey !== undefined) : ""].join("");
  return `\nExtrophi Backend is running. Ctrl-C stops it.\n\n${table(rows)}\n${more}`;
}

const OWNER_WARNING = `  The role of DATABASE_URL owns the tables, so that whoever got hold of the server could change the ledger.
  docs/operations.md says how to give the server a role that may do less.\n\n`;

/** A key that was given in the environment is known there, and printed nowhere. */
function introduce({ username, apiKey }: { username: string; apiKey: string }, isGiven: boolean): string {
  if (isGiven) {
    return `  The first admin was created: ${username}. Its key is the one in ADMIN_API_KEY; it signs in at /admin and opens the API.\n\n`;
  }
  const rows = [
    ["Username", username],
    ["API key", apiKey],
  ];
  return `  The first admin was created. Sign in at /admin with this username and key; the key opens
  the API as well. It is shown only now (\`bun run admin-key\` makes a new one):

${table(rows)}\n`;
}

function table(rows: string[][]): string {
  return rows.map(([name = "", value]) => `  ${name.padEnd(15)} ${value}\n`).join("");
}

/** A browser can't open the address that stands for "all interfaces". */
function localName(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

/** Host and name of a database without user and password. */
function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname} (DATABASE_URL)`;
}
