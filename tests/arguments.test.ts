// What the programs make of their arguments before they do anything: help for whoever asks, a refusal of what can't be meant.
// Programs with arguments of their own have more about them in their tests.

import { expect, setDefaultTimeout, test } from "bun:test";
import { startProgram } from "./server.ts";

setDefaultTimeout(60_000);

const PROGRAMS = {
  start: "src/main.ts",
  dev: "src/dev.ts",
  "database-url": "src/commands/database-url.ts",
  backup: "src/commands/backup.ts",
  "backup:compare": "src/commands/backup-compare.ts",
  restore: "src/commands/restore.ts",
};

/** An environment that no program could work with: whoever needs it says so. */
const BAD = { PORT: "many" };

for (const [name, file] of Object.entries(PROGRAMS)) {
  test(`bun run ${name} explains itself, and refuses an unknown argument with the same words and exit code 2`, async () => {
    const help = startProgram([file, "--help"], { env: BAD });
    const wrong = startProgram([file, "--prot=3001"], { env: BAD });
    expect([await help.exited, help.stderr()]).toEqual([0, ""]);
    expect(help.stdout()).toStartWith(`Usage: bun run ${name}`);
    expect([await wrong.exited, wrong.stdout()]).toEqual([2, ""]);
    expect(wrong.stderr()).toContain("--prot");
    expect(wrong.stderr()).not.toContain("positional");
    expect(wrong.stderr()).toEndWith(`\n\n${help.stdout()}`);
  });
}
