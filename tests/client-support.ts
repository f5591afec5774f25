// Devices with the reference client, over a network that does what it is told.

import { join } from "node:path";
import type { Fetch } from "../src/client/api.ts";
import { SyncClient, type SyncOptions } from "../src/client/sync-client.ts";
import type { Api, Member } from "./api-support.ts";
import { createFolder } from "./server.ts";

/** What happens to a request: it never arrives, its answer never does, or the answer breaks off. */
export type Fault = "request-lost" | "answer-lost" | "answer-cut";

/** Requests that go straight to the app; `faults` says for each what happens to it. Works through the list once. */
export function network({ app }: Pick<Api, "app">, faults: (Fault | undefined)[] = []): Fetch {
  return async request => {
    const fault = faults.shift();
    if (fault === "request-lost") throw new TypeError("the network is down");
    const response = await app.handle(request);
    if (fault === undefined) return response;
    const text = await response.text();
    if (fault === "answer-lost") throw new TypeError("the connection was closed");
    return new Response(text.slice(0, text.length >> 1), response);
  };
}

/** The options of a device of a member that gives up at once where the network fails. */
export function deviceOptions(api: Api, { key }: Member, more: Partial<SyncOptions> = {}): SyncOptions {
  return {
    baseUrl: "http://localhost",
    apiKey: key,
    file: join(createFolder(), "device.sqlite"),
    fetch: network(api),
    attemptsMax: 1,
    pauseMs: 1,
    onConflict: () => undefined,
    ...more,
  };
}

export function createDevice(api: Api, member: Member, more: Partial<SyncOptions> = {}): SyncClient {
  return new SyncClient(deviceOptions(api, member, more));
}
