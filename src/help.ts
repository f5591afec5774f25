// `--help` of the scripts that take no arguments of their own.

/** Prints the text and ends the process where the command line asks for help. */
export function printHelpWhenAsked(text: string): void {
  const asked = process.argv.slice(2).some(argument => argument === "--help" || argument === "-h");
  if (!asked) return;
  console.log(text);
  process.exit(0);
}
