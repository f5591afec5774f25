// The first of the admin pages.

import { Elysia } from "elysia";
import { LATEST, OverviewPage } from "../../../views/admin/pages/overview.tsx";
import { findRecord } from "../../ledger/integrity/records.ts";
import { nameAndCode } from "../../log.ts";
import type { Services } from "../../services.ts";
import { listAllEntries } from "../ledger-store.ts";
import { OverviewFigures } from "../overview-store.ts";
import { isAskedByScript, operatorPages, type View, type Visit } from "./operator-pages.ts";

const FIRST_LOOK_MS = 5_000;

/** `/admin`. */
export function overviewPages(services: Services) {
  const { sql, log, integrity } = services;
  const pages = operatorPages(services);
  let timer: Timer | undefined;
  const warn = (error: unknown) => {
    log.warn({ error: nameAndCode(error) }, "the figures of the overview could not be made");
  };
  const figures = new OverviewFigures(sql);

  async function overview({ request }: Visit): Promise<View> {
    const [overview, lastClean, { items }] = await Promise.all([
      isAskedByScript(request) ? figures.get() : figures.getSoon(warn),
      findRecord(sql),
      listAllEntries(sql, {}, { limit: LATEST }),
    ]);
    // Clean checks of everything are recorded for all processes; whatever else was found, this one remembers.
    const health = integrity.newestAfter(lastClean) ?? (lastClean && { ok: true, checked_at: lastClean.checked_at });
    const body = OverviewPage({ overview, health, entries: items });
    return { title: "Overview", section: "overview", body };
  }

  return (
    new Elysia({ name: "overview-pages" })
      // The sums of a year's closed days take seconds; whoever comes first should not wait for them.
      .onStart(() => {
        timer = setTimeout(() => figures.get().catch(warn), FIRST_LOOK_MS).unref();
      })
      .onStop(() => clearTimeout(timer))
      .get("/admin", async ({ request }) => pages.read(request, overview), { detail: { hide: true } })
  );
}
