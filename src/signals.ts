// The signals that ask this process to end. One handler at a time: whoever comes last knows best what to do.

export type StopHandler = (signal: NodeJS.Signals, exitCode: number) => void;

let current: StopHandler | undefined;

/** Calls `handler`, and no earlier one any more, when the process is asked to end. `exitCode` is what shells expect then. */
export function onStopSignal(handler: StopHandler): void {
  if (!current) listen();
  current = handler;
}

function listen(): void {
  process.on("SIGINT", () => current?.("SIGINT", 130));
  process.on("SIGTERM", () => current?.("SIGTERM", 143));
  // SIGHUP comes from a terminal that is closed. `nohup`, which lets a process outlive it, leaves no output on a
  // terminal; it also has the signal ignored, but `bun run` does not pass that on to what it starts.
  const fromTerminal = process.stdout.isTTY || process.stderr.isTTY;
  process.on("SIGHUP", () => fromTerminal && current?.("SIGHUP", 129));
}
