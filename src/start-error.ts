// A start that can't succeed until a person changes something. Whoever runs the process prints the
// message as it stands and exits with 1: no stack trace, because the fault is not in the code.

/** `message` is one paragraph: what is wrong, that nothing was touched, and what to do. */
export class StartError extends Error {
  override name = "StartError";
}

/** The reason of a failed system call in a few words (`EACCES: permission denied`), for use inside a message. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split(",")[0] ?? error.message) : String(error);
}
