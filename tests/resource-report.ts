// Preloaded into a server under test: for each SIGUSR2 it prints, after a full garbage collection, what it holds.

import { heapStats } from "bun:jsc";
import { existsSync, readdirSync } from "node:fs";

/** Linux's; elsewhere files are not counted. */
const FILES = "/proc/self/fd";

process.on("SIGUSR2", () => {
  for (let no = 0; no < 3; no++) Bun.gc(true);
  const { heapSize, objectCount, objectTypeCounts } = heapStats();
  const { Timeout = 0, TCPSocket = 0, Function: functions = 0 } = objectTypeCounts;
  const files = existsSync(FILES) ? readdirSync(FILES).length : 0;
  const rss = process.memoryUsage.rss();
  console.log(
    `holds ${JSON.stringify({ files, sockets: TCPSocket, timers: Timeout, functions, objects: objectCount, heap: heapSize, rss })}`,
  );
});
