// Pauses between attempts: they grow, and a part of each is left to chance, so that many devices that lost the same
// server do not all come back at once.

/** The pause after this many failures in a row: from `ms` up to `msMax`, of which up to a half is left to chance. */
export function pauseAfter(failures: number, ms: number, msMax: number): number {
  return Math.min(ms * 2 ** (failures - 1), msMax) * (0.5 + Math.random() / 2);
}

/** Waits, or less where the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
