// The thirteen rows of the benchmark: what is compared, what is to be reached, and who measures it.

import { readBalance } from "./rows/balance.ts";
import { citeHotAuthor, citeRandomAuthors, citeWithoutSharing } from "./rows/citing.ts";
import { growth } from "./rows/growth.ts";
import { healthWhileVerifying } from "./rows/health.ts";
import { pages } from "./rows/pages.ts";
import { memory, publish, publishHundred, publishOnEight, publishOnOne } from "./rows/publishing.ts";
import { start } from "./rows/start.ts";
import type { Stage } from "./stage.ts";

export type Figure = { name: string; ours: number; reference: number };

export type Measured = {
  ours: number;
  reference: number;
  /** Where the row has several figures: all of them. `ours` and `reference` are the one nearest to its limit. */
  parts?: readonly Figure[];
};

export type Row = {
  row: number;
  title: string;
  unit: string;
  better: "higher" | "lower";
  /** For ours / reference. */
  goal: number;
  /** Needs the large database. */
  large?: true;
  measure(stage: Stage): Promise<Measured>;
};

const higher = { better: "higher" } as const;
const lower = { better: "lower" } as const;

export const ROWS: readonly Row[] = [
  { row: 1, title: "publish, 256 connections", unit: "cards/s", ...higher, goal: 2, measure: publish },
  {
    row: 2,
    title: "cite random authors, 256 connections",
    unit: "payments/s",
    ...higher,
    goal: 1.5,
    measure: citeRandomAuthors,
  },
  {
    row: 3,
    title: "everybody cites one author, 256 connections",
    unit: "payments/s",
    ...higher,
    goal: 4,
    measure: citeHotAuthor,
  },
  { row: 4, title: "publish, one connection: median latency", unit: "ms", ...lower, goal: 1.5, measure: publishOnOne },
  {
    row: 5,
    title: "publish, 8 connections, against 8 clients",
    unit: "cards/s",
    ...higher,
    goal: 0.6,
    measure: publishOnEight,
  },
  {
    row: 6,
    title: "GET /api/balance, 64 connections, against the same SELECT by 16 clients",
    unit: "reads/s",
    ...higher,
    goal: 0.5,
    measure: readBalance,
  },
  {
    row: 7,
    title: "publish with the large ledger against a small one",
    unit: "cards/s",
    ...higher,
    goal: 0.8,
    large: true,
    measure: growth,
  },
  {
    row: 8,
    title: "pages of the ledger: deep against first, large against small",
    unit: "ms",
    ...lower,
    goal: 1.3,
    large: true,
    measure: pages,
  },
  {
    row: 9,
    title: "/healthz p99 while 100 keys are verified for the first time, against 25 ms",
    unit: "ms",
    ...lower,
    goal: 1,
    measure: healthWhileVerifying,
  },
  {
    row: 10,
    title: "start until /readyz, against 400 ms with DATABASE_URL and 3 s embedded and empty",
    unit: "ms",
    ...lower,
    goal: 1,
    measure: start,
  },
  {
    row: 11,
    title: "memory of the server after row 1, against 250 MB",
    unit: "MB",
    ...lower,
    goal: 1,
    measure: memory,
  },
  {
    row: 12,
    title: "publish 100 cards a request, 16 connections",
    unit: "cards/s",
    ...higher,
    goal: 2.5,
    measure: publishHundred,
  },
  {
    row: 13,
    title: "row 2 against the same server with COMMIT_SHARING=off",
    unit: "payments/s",
    ...higher,
    goal: 2.5,
    measure: citeWithoutSharing,
  },
];
