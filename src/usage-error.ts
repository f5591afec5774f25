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
    throw new UsageError(`${(error as Error).message}\n\n${help}`);
  }
}
