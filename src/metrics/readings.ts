// The numbers that are read when somebody asks for them: the pool, keys, bodies and texts that are held, limits, and what the
// database knows of the books.

import type { Gatekeeper } from "../auth/guard.ts";
import type { MarkdownRenderer } from "../cards/markdown-renderer.ts";
import { loadOf, type Sql } from "../db.ts";
import { allReading } from "../json-body.ts";
import type { Logger } from "../log.ts";
import type { Rates } from "../rates/exchange.ts";
import { BooksWatch } from "./books-watch.ts";
import type { Metrics, Reading } from "./metrics.ts";

type Sources = { sql: Sql; log: Logger; gatekeeper: Gatekeeper; markdown: MarkdownRenderer; rates: Rates };

/** Adds them. Asking the database never keeps a scrape waiting for long. */
export function addReadings(metrics: Metrics, { sql, log, gatekeeper, markdown, rates }: Sources): void {
  const held = [...ofPool(sql), ...ofKeys(gatekeeper), ...ofTexts(markdown), ofBodies(), ofRates(rates)];
  for (const reading of held) metrics.read(reading);
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

function ofKeys({ verifier, bcrypt }: Gatekeeper): Reading[] {
  return [
    {
      name: "extrophi_bcrypt_pending",
      help: "Comparisons and hashes of keys that wait for a bcrypt thread or are being made",
      type: "gauge",
      read: () => [[bcrypt.pending]],
    },
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

function ofTexts(markdown: MarkdownRenderer): Reading[] {
  return [
    {
      name: "extrophi_text_cache_texts",
      help: "Texts of cards that are kept as HTML",
      type: "gauge",
      read: () => [[markdown.kept.texts]],
    },
    {
      name: "extrophi_text_cache_characters",
      help: "Characters of the HTML that is kept",
      type: "gauge",
      read: () => [[markdown.kept.characters]],
    },
  ];
}

function ofBodies(): Reading {
  return {
    name: "extrophi_http_body_reading_bytes",
    help: "Bytes held of bodies above 64 KiB, or of no announced length, that have not come to their end",
    type: "gauge",
    read: () => [[allReading.taken]],
  };
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
      name: "extrophi_integrity_violated_timestamp_seconds",
      help: "When a check of everything, or of what was new, last found a violation; later clean checks leave it",
      type: "gauge",
      labels: ["scope"],
      read: () =>
        (books.known?.results ?? []).flatMap(result =>
          result.violated_at === null ? [] : [[Date.parse(result.violated_at) / 1000, { scope: scopeOf(result) }]],
        ),
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
