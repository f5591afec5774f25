// The environment, read once into one frozen, typed Config. A bad value stops the start with one
// message that names every bad variable (and never repeats a secret's value).

import { z } from "zod";
import { isWellFormedKey } from "./auth/key.ts";
import { amountText } from "./money.ts";

/** Digits only: what else JavaScript takes for a number (a blank, 0x50, 1e3) is rather a mistake. */
const integer = (min: number, max: number) =>
  z
    .string()
    .refine(text => /^[0-9]{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `a whole number from ${min} to ${max}`,
    })
    .transform(Number);
const WORDS = new Intl.ListFormat("en", { type: "disjunction" });
const oneOf = <const Word extends string>(...words: Word[]) =>
  z.enum(words, { error: `${WORDS.format(words)}, in lower case` });
const databaseAddress = z.url({
  protocol: /^postgres(ql)?$/,
  error: "an address such as postgres://user:password@host:5432/name",
});

const environment = z.object({
  PORT: integer(0, 65_535).default(3000),
  HOST: z.string().min(1).default("127.0.0.1"),
  DATABASE_URL: databaseAddress.optional(),
  DATABASE_OWNER_URL: databaseAddress.optional(),
  DATA_DIR: z.string().min(1).default(".data"),
  PUBLIC_BASE_URL: z.url({ protocol: /^https?$/, error: "an address such as https://cards.example.org" }).optional(),
  ADMIN_API_KEY: z
    .string()
    .refine(isWellFormedKey, "an API key with its checksum, as `bun run admin-key` prints them")
    .optional(),
  REGISTRATION: oneOf("closed", "open").default("closed"),
  METRICS_TOKEN: z
    .string()
    .regex(/^[!-~]{16,200}$/, "16 to 200 printable characters without blanks")
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "the address of a collector such as http://localhost:4318" })
    .optional(),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|0?\.[0-9]{1,6})$/, "a share from 0 to 1 such as 0.05")
    .default("1")
    .transform(Number),
  LOG_LEVEL: oneOf("fatal", "error", "warn", "info", "debug", "trace", "silent").default("info"),
  RATE_LIMIT_PER_MINUTE: integer(0, 1_000_000).default(6000),
  AUTH_FAILURES_PER_MINUTE: integer(0, 1_000_000).default(120),
  REGISTRATIONS_PER_HOUR: integer(0, 1_000_000).default(20),
  PUBLISH_REWARDS_PER_DAY: integer(0, 1_000_000_000).default(1000),
  TRUSTED_PROXIES: z
    .string()
    .default("")
    .transform(list =>
      list
        .split(",")
        .map(entry => entry.trim())
        .filter(Boolean),
    )
    .pipe(
      z.array(
        z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
          error: "addresses or ranges such as 10.0.0.0/8, with commas between",
        }),
      ),
    ),
  COMMIT_SHARING: oneOf("on", "off")
    .default("on")
    .transform(value => value === "on"),
  BCRYPT_COST: integer(4, 14).default(10),
  INITIAL_GRANT: amountText.default("10.00"),
  PUBLISH_REWARD: amountText.default("1.00"),
  ATTRIBUTION_CITATION: amountText.default("0.10"),
  ATTRIBUTION_REMIX: amountText.default("0.50"),
  ATTRIBUTION_REPLY: amountText.default("0.05"),
  ATTRIBUTION_INSPIRATION: amountText.default("0.00"),
});

/** Everything the server can be told from outside. Amounts are text with two decimals. */
export type Config = Readonly<{
  port: number;
  host: string;
  databaseUrl: string | undefined;
  /** Migrations run through this address where the server's own role may less. */
  databaseOwnerUrl: string | undefined;
  dataDir: string;
  /** Without a trailing slash; undefined: taken from the request. */
  publicBaseUrl: string | undefined;
  adminApiKey: string | undefined;
  registration: "closed" | "open";
  /** What whoever reads the metrics must bring; undefined: anybody who reaches the server may. */
  metricsToken: string | undefined;
  logLevel: string;
  /** Where traces are sent to, and the share of requests that is traced; undefined: none are made. */
  tracing: Readonly<{ endpoint: string; ratio: number }> | undefined;
  /** Requests of one key. */
  rateLimitPerMinute: number;
  authFailuresPerMinute: number;
  registrationsPerHour: number;
  publishRewardsPerDay: number;
  trustedProxies: readonly string[];
  /** Whether concurrent commands share a commit (commit-sharing.ts). */
  commitSharing: boolean;
  bcryptCost: number;
  amounts: Readonly<{
    initialGrant: string;
    publishReward: string;
    /** What the citing card's author pays, by attribution type. */
    attribution: Readonly<Record<"citation" | "remix" | "reply" | "inspiration", string>>;
  }>;
}>;

/** Thrown where the environment holds bad values: `message` names each variable and what it should be. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

function tracingOf(e: z.output<typeof environment>): Config["tracing"] {
  const endpoint = e.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, "");
  return endpoint === undefined ? undefined : Object.freeze({ endpoint, ratio: e.OTEL_TRACES_SAMPLER_ARG });
}

/** Reads a Config from an environment such as `process.env`. An empty variable counts as unset. Throws ConfigError. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(issue => `  ${issue.path[0]?.toString() ?? "?"}: ${issue.message}`);
    throw new ConfigError(`The environment has bad values:\n${[...new Set(lines)].join("\n")}`);
  }
  const e = parsed.data;
  return Object.freeze({
    port: e.PORT,
    host: e.HOST,
    databaseUrl: e.DATABASE_URL,
    databaseOwnerUrl: e.DATABASE_OWNER_URL,
    dataDir: e.DATA_DIR,
    publicBaseUrl: e.PUBLIC_BASE_URL?.replace(/\/+$/, ""),
    adminApiKey: e.ADMIN_API_KEY,
    registration: e.REGISTRATION,
    metricsToken: e.METRICS_TOKEN,
    logLevel: e.LOG_LEVEL,
    tracing: tracingOf(e),
    rateLimitPerMinute: e.RATE_LIMIT_PER_MINUTE,
    authFailuresPerMinute: e.AUTH_FAILURES_PER_MINUTE,
    registrationsPerHour: e.REGISTRATIONS_PER_HOUR,
    publishRewardsPerDay: e.PUBLISH_REWARDS_PER_DAY,
    trustedProxies: Object.freeze(e.TRUSTED_PROXIES),
    commitSharing: e.COMMIT_SHARING,
    bcryptCost: e.BCRYPT_COST,
    amounts: Object.freeze({
      initialGrant: e.INITIAL_GRANT,
      publishReward: e.PUBLISH_REWARD,
      attribution: Object.freeze({
        citation: e.ATTRIBUTION_CITATION,
        remix: e.ATTRIBUTION_REMIX,
        reply: e.ATTRIBUTION_REPLY,
        inspiration: e.ATTRIBUTION_INSPIRATION,
      }),
    }),
  });
}
