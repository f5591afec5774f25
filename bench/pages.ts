// `bun run bench-pages`: how long each admin page takes with a large ledger, and against one of 1,000 entries. Exits 0
// whether or not the pages reach their goals, 1 when they could not be measured, 2 when the arguments are wrong.

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../src/command.ts";
import { readArguments } from "./pages/arguments.ts";
import { measureFirst, measurePage, type PageFigure } from "./pages/measure.ts";
import { closeSide, openSide } from "./pages/sides.ts";
import { formatPages, writePages } from "./pages/table.ts";
import { findPayment } from "./pages/three-actions.ts";
import { describeMachine } from "./report.ts";
import { stopServersSync } from "./server.ts";

const SMALL = { users: 50, entries: 1_000 };

await runCommand(readArguments, async (_config, args) => {
  const { entries, users, samples, only } = args;
  const folder = args.folder ?? mkdtempSync(join(tmpdir(), "extrophi-pages-"));
  mkdirSync(folder, { recursive: true });
  // PostgreSQL may run as another user, who has to reach it.
  chmodSync(folder, 0o755);
  process.once("exit", () => {
    stopServersSync();
    if (args.folder === undefined) rmSync(folder, { recursive: true, force: true });
  });

  const small = await openSide(folder, SMALL);
  const big = await openSide(folder, { users, entries });
  const figures: PageFigure[] = [];
  const isWanted = (name: string) => name.includes(only);
  for (const name of ["overview", "analytics, 30 days"].filter(isWanted)) figures.push(await measureFirst(big, name));
  for (const [no, { name }] of big.places.entries()) {
    if (!isWanted(name)) continue;
    figures.push(await measurePage(small, big, no, samples));
    console.error(`  ${no + 1}/${big.places.length}  ${name}`);
  }
  const { actions, ms, payment } = await findPayment(big);
  const [version] = await big.sql`SHOW server_version`;
  const found = `A payment of ${payment.amount} on ${payment.day} among ${entries.toLocaleString("en")} entries: found in a browser in ${actions} actions, ${Math.round(ms)} ms after the last of them.`;
  const run = `${new Date().toISOString().slice(0, 10)}, \`bun run bench-pages ${process.argv.slice(2).join(" ")}\`, medians of ${samples}`;
  const machine = describeMachine(String(version?.server_version));
  console.log(`\n${machine}\n${formatPages(figures)}\n\n${found}`);
  await closeSide(small);
  await closeSide(big);

  if (args.docs) await writePages(figures, [machine, run, found]);
  if (args.json === undefined) return;
  const kept = figures.map(({ name, small = null, big, goalMs, met }) => ({
    ...{ name, small, big, ratio: small && big / small, goal_ms: goalMs, met },
  }));
  await Bun.write(args.json, `${JSON.stringify(kept, null, 2)}\n`);
});
