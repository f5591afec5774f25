// Preloaded into a server under test: for each SIGUSR2 it prints, after a full garbage collection, what it holds.

import { heapStats } from "bun:jsc";
import { readdirSync } from "node:fs";

process.on("SIGUSR2", () => {
  for (let no = 0; no < 3; no++) Bun.gc(true);
  const { heapSize, objectCount, objectTypeCounts } = heapStats();
  const { Timeout = 0, TCPSocket = 0, Function: functions = 0 } = objectTypeCounts;
  const files = readdirSync("/proc/self/fd").length;
  const rss = process.memoryUsage.rss();
  console.log(
    `holds ${JSON.stringify({ files, sockets: TCPSocket, timers: Timeout, functions, objects: objectCount, heap: heapSize, rss })}`,
  );
});
