// The command `bun run seed-demo`: fills an empty database with a made-up year. Exits 0 when the demo is
// there, 1 when it could not be made, 2 when the arguments are wrong.

import { runCommand, useDatabase } from "../command.ts";
import type { Config } from "../config.ts";
import { KeyFile } from "../demo/key-file.ts";
import { type Seeded, seedDemo } from "../demo/seed.ts";
import { Progress } from "../progress.ts";
import { type Arguments, readArguments } from "./seed-demo-arguments.ts";

await runCommand(args => readArguments(args, Date.now()), run);

async function run(config: Config, options: Arguments): Promise<number> {
  const started = performance.now();
  const keyFile = options.keyFile === undefined ? undefined : new KeyFile(options.keyFile);
  const progress = new Progress();
  try {
    const seeded = await useDatabase(config, ({ ownerUrl }) => seedDemo(ownerUrl, config, options, progress));
    progress.end();
    keyFile?.write(seeded.keys);
    console.log(summarise(seeded, (performance.now() - started) / 1000));
    console.log(introduce(seeded, options.keyFile));
    return 0;
  } catch (error) {
    progress.end();
    keyFile?.discard();
    throw error;
  }
}

function summarise(seeded: Seeded, seconds: number): string {
  const { users, cards, attributions, entries, devices, issued, burned } = seeded;
  const counts = { users, cards, attributions, "ledger entries": entries, "cards on devices": devices };
  const rows = Object.entries(counts).map(([name, count]) => [name, count.toLocaleString("en")] as const);
  const lines = [...rows, ["$EXTROPY issued", issued] as const, ["$EXTROPY burned", burned] as const];
  const table = lines.map(([name, value]) => `  ${name.padEnd(17)} ${value.padStart(16)}`).join("\n");
  return `${table}\n\nEvery balance, hash and movement was checked. Took ${seconds.toFixed(1)} s.`;
}

function introduce({ keys }: Seeded, keyFile: string | undefined): string {
  if (keys.length === 0) return "No user got a key.";
  if (keyFile !== undefined) return `The keys of ${keys.length} users are in ${keyFile}.`;
  const lines = keys.map(({ username, apiKey }) => `  ${username}  ${apiKey}`);
  return `Call the API as one of these; the keys are shown only now:\n${lines.join("\n")}`;
}
