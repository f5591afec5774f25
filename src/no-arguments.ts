// The arguments of scripts that take none but `--help`: anything else is a mistake, and is told so.

import { UsageError } from "./usage-error.ts";

/** A reader of arguments that takes none. Throws UsageError. */
export function noArguments(help: string): (args: readonly string[]) => { help: string } | Record<never, never> {
  return args => {
    if (args.some(argument => argument === "--help" || argument === "-h")) return { help };
    if (args.length > 0) throw new UsageError(`"${args[0]}" is one argument too many.\n\n${help}`);
    return {};
  };
}

/** For the server, which is no command: ends the process where its arguments ask for help or can't be meant. */
export function takeNoArguments(help: string): void {
  try {
    const read = noArguments(help)(process.argv.slice(2));
    if (!("help" in read)) return;
    console.log(read.help);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
