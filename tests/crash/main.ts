// `bun run test:crash`: kills server and PostgreSQL under load and has the judge look at what is left. Exits 0 when nothing
// was found, 1 when something was, 2 when the arguments are wrong.

import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../src/command.ts";
import { readArguments } from "./arguments.ts";
import { formatReport, formatRound } from "./report.ts";
import { judgeRecording, runRounds, subjectOf } from "./run.ts";
import { openStage } from "./stage.ts";

await runCommand(readArguments, async (_config, args) => {
  const { round, seed, clients, plant, keep } = args;
  const rounds = round === undefined ? Array.from({ length: args.rounds }, (_, index) => index + 1) : [round];
  const startedMs = performance.now();
  console.error(`Starting PostgreSQL and the server; seed ${seed} …`);
  const stage = await openStage(clients, plant?.live);
  try {
    const onRound = (no: number, judgement: Parameters<typeof formatRound>[2]) =>
      console.error(formatRound(no, args, judgement));
    const recording = await runRounds(stage, { rounds, seed, clients, onRound });
    await plant?.tamper?.({ sql: stage.sql, journals: join(stage.folder, "journals") });
    const judgement = await judgeRecording(subjectOf(stage), recording);
    const seconds = (performance.now() - startedMs) / 1000;
    console.log(formatReport(judgement, { ...args, seconds, failed: recording.failed }));
    return judgement.findings.length === 0 ? 0 : 1;
  } finally {
    if (keep) {
      const kept = mkdtempSync(join(tmpdir(), "extrophi-crash-journals-"));
      cpSync(join(stage.folder, "journals"), kept, { recursive: true });
      cpSync(stage.starter.logPath, join(kept, "server.log"));
      console.error(`The journals and the server's log are in ${kept}.`);
    }
    await stage.close();
  }
});
