// The first of the admin pages.

import { Elysia } from "elysia";
import { LATEST, OverviewPage } from "../../../views/admin/pages/overview.tsx";
import { findRecord } from "../../ledger/integrity/records.ts";
import type { Services } from "../../services.ts";
import { listAllEntries } from "../ledger-store.ts";
import { OverviewFigures } from "../overview-store.ts";
import { operatorPages, type View } from "./operator-pages.ts";

/** `/admin`. */
export function overviewPages(services: Services) {
  const { sql } = services;
  const pages = operatorPages(services);
  const figures = new OverviewFigures(sql);

  async function overview(): Promise<View> {
    const [overview, check, { items }] = await Promise.all([
      figures.get(),
      findRecord(sql),
      listAllEntries(sql, {}, { limit: LATEST }),
    ]);
    return { title: "Overview", section: "overview", body: OverviewPage({ overview, check, entries: items }) };
  }

  return new Elysia({ name: "overview-pages" }).get("/admin", async ({ request }) => pages.read(request, overview), {
    detail: { hide: true },
  });
}
