// What the browser tests of the admin pages share: a small world behind a server that listens, and a browser.

import { afterAll } from "bun:test";
import type { BrowserContextOptions } from "playwright-core";
import { makeWorld } from "./admin-support.ts";
import { createApi, listen, type Member } from "./api-support.ts";
import { launchBrowser, openAdmin } from "./browser-support.ts";
import { adjust, lastEntryOf } from "./operator-support.ts";

/** Of the adjustment that the world has: nothing else has it. */
export const RARE_AMOUNT = "7.77";

/** The world, its server and a browser, all closed after the tests of the file. */
export async function openWorld() {
  const api = await createApi();
  const world = await makeWorld(api);
  const [writer, other] = world.writers as [Member, Member];
  // The world marks an attribution as reversed by hand, which is not how the books do it.
  await api.sql`UPDATE attributions SET reversed_at = NULL WHERE reversed_at IS NOT NULL`;
  await adjust(api, world.admin, writer.id, { amount: RARE_AMOUNT });
  const server = listen(api);
  const browser = await launchBrowser();
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });
  return {
    api,
    admin: world.admin,
    auditor: world.auditor,
    writer,
    other,
    entry: await lastEntryOf(api, writer.id),
    card: world.cards[0]?.[0] ?? "",
    browser,
    baseUrl: server.baseUrl,
    /** A page of a new browser, in which an operator is signed in. */
    open: (options?: BrowserContextOptions, operator = world.admin) =>
      openAdmin(browser, { api, baseUrl: server.baseUrl, operator }, options),
  };
}
