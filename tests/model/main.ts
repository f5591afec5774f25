// `bun run test:model`: runs random histories against server and model and prints how they went.

import { runCommand } from "../../src/command.ts";
import { closeTestDatabases } from "../support.ts";
import { readArguments } from "./arguments.ts";
import { runModel } from "./run.ts";

const PROGRESS_STEP = 20;

await runCommand(readArguments, async (_config, { histories, seed }) => {
  const startedMs = performance.now();
  try {
    const { counts, failure } = await runModel({
      ...{ histories, seed },
      onHistory: done => {
        if (done % PROGRESS_STEP === 0) console.error(`${done} histories`);
      },
    });
    const requests = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const lines = [...counts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([outcome, count]) => `  ${outcome}: ${count}`);
    console.log(lines.join("\n"));
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    console.log(`${requests} requests in ${histories} histories, ${seconds} s, seed ${seed}`);
    console.log(failure ?? "Server and model agree, and the books balance.");
    return failure === undefined ? 0 : 1;
  } finally {
    await closeTestDatabases();
  }
});
