// The numbers that are read when somebody asks for them: the pool, the cache of keys, limits, and what the database knows
// of the books.

import type { KeyVerifier } from "../auth/verifier.ts";
import { loadOf, type Sql } from "../db.ts";
import type { Logger } from "../log.ts";
import type { Rates } from "../rates/exchange.ts";
import { BooksWatch } from "./books-watch.ts";
import type { Metrics, Reading } from "./metrics.ts";

type Sources = { sql: Sql; log: Logger; verifier: KeyVerifier; rates: Rates };

/** Adds them. Asking the database never keeps a scrape waiting for long. */
export function addReadings(metrics: Metrics, { sql, log, verifier, rates }: Sources): void {
  for (const reading of [...ofPool(sql), ...ofKeys(verifier), ofRates(rates)]) metrics.read(reading);
  const books = new BooksWatch(sql, log);
  metrics.beforeReading(() => books.refresh());
  for (const reading of ofBooks(books)) metrics.read(reading);
}

function ofPool(sql: Sql): Reading[] {
  return [
    {
      name: "extrophi_database_connections",
      help: "Connections of the pool, with work or without",
      type: "gauge",
      labels: ["state"],
      read: () => {
        const { inUse, idle } = loadOf(sql);
        return [
          [inUse, { state: "in_use" }],
          [idle, { state: "idle" }],
        ];
      },
    },
    {
      name: "extrophi_database_connections_max",
      help: "Connections that the pool opens at most",
      type: "gauge",
      read: () => [[sql.options.max]],
    },
    {
      name: "extrophi_database_waiting_statements",
      help: "Statements that wait, for a connection or behind another statement on theirs",
      type: "gauge",
      read: () => [[loadOf(sql).waiting]],
    },
  ];
}

function ofKeys(verifier: KeyVerifier): Reading[] {
  return [
    {
      name: "extrophi_key_cache_keys",
      help: "Verified keys that are remembered",
      type: "gauge",
      read: () => [[verifier.cache.keys]],
    },
    {
      name: "extrophi_key_cache_lookups_total",
      help: "Keys that were looked up among the verified ones; a miss costs a bcrypt comparison",
      type: "counter",
      labels: ["result"],
      read: () => [
        [verifier.cache.hits, { result: "hit" }],
        [verifier.cache.misses, { result: "miss" }],
      ],
    },
  ];
}

function ofRates(rates: Rates): Reading {
  return {
    name: "extrophi_rate_limit_refusals_total",
    help: "Requests that were refused because a limit was used up",
    type: "counter",
    labels: ["limit"],
    read: () => rates.refusals.map(([limit, count]) => [count, { limit }]),
  };
}

function ofBooks(books: BooksWatch): Reading[] {
  const scopeOf = ({ full }: { full: boolean }) => (full ? "all" : "new");
  return [
    {
      name: "extrophi_database_up",
      help: "Whether the database answered the last scrape's question in time",
      type: "gauge",
      read: () => [[books.isUp ? 1 : 0]],
    },
    {
      name: "extrophi_ledger_entries",
      help: "Entries of the ledger by type; the same from every process of one database",
      type: "gauge",
      labels: ["type"],
      read: () => Object.entries(books.known?.entries ?? {}).map(([type, count]) => [count, { type }]),
    },
    {
      name: "extrophi_integrity_checked_timestamp_seconds",
      help: "When the last check of everything, or of what was new, was made, whatever it found",
      type: "gauge",
      labels: ["scope"],
      read: () =>
        (books.known?.results ?? []).map(result => [Date.parse(result.checked_at) / 1000, { scope: scopeOf(result) }]),
    },
    {
      name: "extrophi_integrity_clean_timestamp_seconds",
      help: "When the last clean check of everything was made",
      type: "gauge",
      read: () => (books.known?.cleanAt === undefined ? [] : [[books.known.cleanAt]]),
    },
    {
      name: "extrophi_integrity_violations",
      help: "What the last check of everything, or of what was new, found against each invariant",
      type: "gauge",
      labels: ["scope", "invariant"],
      read: () =>
        (books.known?.results ?? []).flatMap(result =>
          Object.entries(result.violations).map(
            ([invariant, count]) => [count, { scope: scopeOf(result), invariant }] as const,
          ),
        ),
    },
  ];
}
