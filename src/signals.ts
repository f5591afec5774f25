// The signals that ask this process to end, with the exit codes that shells know them by.

/**
 * SIGHUP comes from a terminal that is closed. Under `nohup`, which lets a process outlive it, the signal is ignored
 * and must stay so (a handler would undo that); nohup also leaves neither output on a terminal.
 */
const fromTerminal = process.stdout.isTTY || process.stderr.isTTY;

/** Exit codes by signal. */
export const STOP_SIGNALS: readonly (readonly [NodeJS.Signals, number])[] = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ...(fromTerminal ? ([["SIGHUP", 129]] as const) : []),
];
