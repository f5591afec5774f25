// HTTP of sync.

import { Elysia } from "elysia";
import { answers } from "../contract.ts";
import { pageOf } from "../cursor.ts";
import { allowTime } from "../deadline.ts";
import type { Services } from "../services.ts";
import { findHead, listChanges } from "./feed.ts";
import {
  pullAnswer,
  pullQuery,
  pushAnswer,
  pushRequest,
  pushResult,
  resolveRequest,
  stateQuery,
  streamQuery,
  syncState,
} from "./model.ts";
import { decodePosition, encodePosition } from "./position.ts";
import { pushKind, toPushCommand, toPushResults, toResolveCommand } from "./push.ts";
import { listStates } from "./state-store.ts";
import { openStream } from "./stream.ts";
import { ChangeWatch, waitForChange } from "./watch.ts";

const tags = ["Sync"];

/** Seconds beyond the wait, in which a connection that is silent is not cut. */
const GRACE_S = 15;

/** `/api/sync`. */
export function syncRoutes({ config, sql, log, gatekeeper, guard, metrics, shareCommits, stopping }: Services) {
  const rules = { reward: config.amounts.publishReward, rewardsPerDay: config.publishRewardsPerDay };
  const pushing = shareCommits(pushKind(sql, rules));
  const watch = new ChangeWatch(sql, log, stopping);
  metrics.read({
    name: "extrophi_sync_waiting",
    help: "Devices that wait for changes, by pull or by stream",
    type: "gauge",
    labels: ["by"],
    read: () => [
      [watch.count("poll"), { by: "pull" }],
      [watch.count("stream"), { by: "stream" }],
    ],
  });

  return new Elysia({ name: "sync" })
    .use(guard)
    .post(
      "/api/sync/push",
      async ({ caller, body }) => ({ results: toPushResults(await pushing.submit(toPushCommand(caller, body))) }),
      {
        auth: "sync",
        body: pushRequest,
        response: answers({ 200: pushAnswer }, [400, 401, 403, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Push what a device has changed",
          description:
            "Each entity has a result of its own, in order. It is accepted where `base_checksum` is what the server has (null: nothing), or where nothing changes; else it is a `conflict`, with what the server has. Cards need the scope `publish` as well, the profile `profile`.",
        },
      },
    )
    .post(
      "/api/sync/resolve",
      async ({ caller, body }) => {
        const [result] = toPushResults(await pushing.submit(toResolveCommand(caller, body)));
        return result as NonNullable<typeof result>;
      },
      {
        auth: "sync",
        body: resolveRequest,
        response: answers({ 200: pushResult }, [400, 401, 403, 404, 413, 415, 422, 429]),
        detail: {
          tags,
          summary: "Resolve a conflict that a device was told of",
          description:
            "`local_wins` and `manual` put their data in the place of what the server has; `remote_wins` takes that, which the result brings. Where the server's has changed since the device was told, the result is a conflict again.",
        },
      },
    )
    .get(
      "/api/sync/pull",
      async ({ caller, query, request, server }) => {
        const after = decodePosition(query.cursor, caller.userId);
        let page = await listChanges(sql, caller, after, query.limit);
        if (page.items.length === 0 && query.wait > 0) {
          allowTime({ request, server }, query.wait + GRACE_S);
          await waitForChange(watch, {
            caller,
            clientId: query.client_id,
            known: page.head,
            ms: query.wait * 1000,
            signal: request.signal,
          });
          page = await listChanges(sql, caller, after, query.limit);
        }
        return { items: page.items, cursor: encodePosition(page.reached), has_more: page.hasMore };
      },
      {
        auth: "sync",
        query: pullQuery,
        response: answers({ 200: pullAnswer }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "Pull what has changed since a cursor, on any device",
          description:
            "Changes of all devices, one's own too, deletions included, in the order in which they were committed, none left out. Of what changed several times, the newest version. `wait` keeps the request open for so many seconds until there is something.",
        },
      },
    )
    .get(
      "/api/sync/stream",
      async ({ caller, query, request, server }) => {
        const head = await findHead(sql, caller);
        allowTime({ request, server }, 0);
        return openStream(watch, { caller, clientId: query.client_id, head, signal: request.signal });
      },
      {
        auth: "sync",
        query: streamQuery,
        response: answers({}, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "Be told when there is something to pull",
          description:
            'Server-sent events named `change`, whose data are `{"cursor"}`: where a pull now would end. The first comes at once. A device has one stream: the next one ends it.',
          responses: {
            200: {
              description: "The stream.",
              content: { "text/event-stream": { schema: { type: "string" } } },
            },
          },
        },
      },
    )
    .get(
      "/api/sync/state",
      async ({ caller, query, request }) => {
        const page = await listStates(sql, caller, query, query);
        if (page.items.length === 0) await gatekeeper.confirm(request);
        return page;
      },
      {
        auth: "sync",
        query: stateQuery,
        response: answers({ 200: pageOf(syncState) }, [401, 403, 422, 429]),
        detail: {
          tags,
          summary: "What is known of one's devices: in step, in conflict, failed",
          description: "Newest first.",
        },
      },
    );
}
