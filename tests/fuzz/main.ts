// `bun run test:fuzz`: fuzzes a server on a database of its own and prints what it found.

import { runCommand } from "../../src/command.ts";
import { createApi } from "../api-support.ts";
import { closeTestDatabases } from "../support.ts";
import { readArguments } from "./arguments.ts";
import { formatReport } from "./report.ts";
import { fuzz } from "./run.ts";

const PROGRESS_STEP = 1_000;

await runCommand(readArguments, async (_config, { requests, seed, only }) => {
  const startedMs = performance.now();
  try {
    const report = await fuzz(await createApi(), {
      ...{ requests, seed, only },
      onProgress: sent => {
        if (sent % PROGRESS_STEP === 0) console.error(`${sent} requests sent`);
      },
    });
    console.log(formatReport(report, { seed, seconds: (performance.now() - startedMs) / 1000 }));
    return report.findings.length === 0 ? 0 : 1;
  } finally {
    await closeTestDatabases();
  }
});
