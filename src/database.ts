// The database of this process, whoever runs it: the one that DATABASE_URL names, or the embedded one.

import type { Config } from "./config.ts";
import type { EmbeddedOptions } from "./embedded.ts";

export type Database = {
  /** For the server's pool. */
  url: string;
  /** For migrations and whatever else needs the owner of the tables. */
  ownerUrl: string;
  /** Where the embedded database keeps its files; undefined with DATABASE_URL. */
  dataDir: string | undefined;
  /** Gives the database back; the last user of an embedded one stops it. */
  close(): Promise<void>;
};

/**
 * Opens the database. Nothing is started, and nothing of the embedded one even loaded, where DATABASE_URL is
 * set. `supervise` is for the server: an embedded PostgreSQL that dies is started again. Throws StartError.
 */
export async function openDatabase(
  config: Pick<Config, "databaseUrl" | "databaseOwnerUrl" | "dataDir">,
  options: Pick<EmbeddedOptions, "supervise" | "log"> = {},
): Promise<Database> {
  if (config.databaseUrl) {
    const url = config.databaseUrl;
    return { url, ownerUrl: config.databaseOwnerUrl ?? url, dataDir: undefined, close: async () => {} };
  }
  const { openEmbedded } = await import("./embedded.ts");
  const { url, dataDir, close } = await openEmbedded({ dataDir: config.dataDir, ...options });
  return { url, ownerUrl: url, dataDir, close };
}
