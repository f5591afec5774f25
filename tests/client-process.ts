// A Writer as a process of its own, for tests that kill it: edits and publishes at full speed while it follows the server,
// and prints what it was promised is kept. Run by client-crash.test.ts.

import { SyncClient } from "../src/client/sync-client.ts";

const [baseUrl = "", apiKey = "", file = "", name = "", rounds = "0"] = process.argv.slice(2);

const device = new SyncClient({
  baseUrl,
  apiKey,
  file,
  pauseMs: 20,
  onConflict: ({ local }) => ({ resolution: "manual", data: local }),
});
const stop = new AbortController();
const following = device.follow({ signal: stop.signal });
for (let round = 1; round <= Number(rounds); round++) {
  device.put("settings", `${name}-${round}`, { round });
  device.put("settings", name, { round });
  if (round % 3 === 0) device.publish([{ content: `${name} ${round}`, privacy_level: "IDEAS" }]);
  console.log(`kept ${name} ${round}`);
  await Bun.sleep(3);
  if (round % 10 === 0) await device.sync();
}
stop.abort();
await following;
await device.sync();
console.log(`done ${JSON.stringify(device.status())}`);
await device.close();
