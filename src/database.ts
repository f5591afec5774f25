// The database of this process, whoever runs it: the one that DATABASE_URL names, or the embedded one.

import type { Config } from "./config.ts";
import type { EmbeddedOptions } from "./embedded.ts";

export type Database = {
  /** For the server's pool, with a role of its own that may do no more than a server needs. */
  url: string;
  /** For migrations and whatever else needs the owner of the tables. */
  ownerUrl: string;
  /** Where the embedded database keeps its files; undefined with DATABASE_URL. */
  dataDir: string | undefined;
  /** Gives the database back; the last user of an embedded one stops it. */
  close(): Promise<void>;
};

/** `supervise` is for processes that run long: an embedded PostgreSQL that dies is started again. */
export type DatabaseOptions = Pick<EmbeddedOptions, "supervise" | "log">;

type Settings = Pick<Config, "databaseUrl" | "databaseOwnerUrl" | "dataDir">;

/** Opens the database. Nothing is started, nor even loaded, where DATABASE_URL is set. Throws StartError. */
export async function openDatabase(config: Settings, options: DatabaseOptions = {}): Promise<Database> {
  if (config.databaseUrl) {
    const url = config.databaseUrl;
    return { url, ownerUrl: config.databaseOwnerUrl ?? url, dataDir: undefined, close: async () => {} };
  }
  const { openEmbedded } = await import("./embedded.ts");
  const { url, serverUrl, dataDir, close } = await openEmbedded({ dataDir: config.dataDir, ...options });
  return { url: serverUrl, ownerUrl: url, dataDir, close };
}

/** The owner's address of the database as it is now: undefined where an embedded one is not running. */
export async function findOwnerUrl(config: Settings): Promise<string | undefined> {
  if (config.databaseUrl) return config.databaseOwnerUrl ?? config.databaseUrl;
  const { findEmbeddedUrl } = await import("./embedded.ts");
  return findEmbeddedUrl(config.dataDir);
}
