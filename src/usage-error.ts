// Arguments of a command that can't be meant. Whoever runs the command prints the message and exits with 2.

/** `message` says which argument is wrong, and ends with the help of the command. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Gives what `read` makes of the arguments; an error in it becomes a UsageError with the help behind its message. */
export function readWithHelp<T>(help: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Node.js goes on about "--" behind the first sentence, which helps nobody who mistyped an option.
    const message = (error as Error).message.replace(/ To specify a positional argument .*/s, "");
    throw new UsageError(`${message}\n\n${help}`);
  }
}
