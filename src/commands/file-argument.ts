// The one argument of `bun run backup` and `bun run restore`: a file.

import { parseArgs } from "node:util";
import { readWithHelp } from "../usage-error.ts";

/** Reads the name of the file, or gives the help that is asked for. Throws UsageError. */
export function readFileArgument(help: string, args: readonly string[]): { path: string } | { help: string } {
  return readWithHelp(help, () => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" } },
    });
    if (values.help) return { help };
    const [path, more] = positionals;
    if (!path) throw new Error("The name of a file is missing.");
    if (more !== undefined) throw new Error(`"${more}" is one argument too many.`);
    return { path };
  });
}
