// The page of what is not in step.

import { Elysia } from "elysia";
import { SyncPage } from "../../../views/admin/pages/sync.tsx";
import type { Services } from "../../services.ts";
import { listDevicesOf } from "../account-store.ts";
import { unsettledQuery } from "../sync-model.ts";
import { countUnsettled, listHeardDevices, listUnsettled } from "../sync-store.ts";
import { findFilterUser } from "../user-filter.ts";
import { readList, readRaw } from "./list-query.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";

/** `/admin/sync`. */
export function syncPages(services: Services) {
  const { sql } = services;
  const pages = operatorPages(services);

  async function sync({ url }: Visit): Promise<View> {
    const raw = readRaw(url);
    const [{ found, problem, status }, counts, heard] = await Promise.all([
      readList(unsettledQuery, raw, async query => {
        const userId = await findFilterUser(sql, query.user, "/user");
        const devices = userId === undefined ? [] : await listDevicesOf(sql, userId);
        return { devices, page: await listUnsettled(sql, query, query) };
      }),
      countUnsettled(sql),
      listHeardDevices(sql),
    ]);
    const body = SyncPage({
      raw,
      unsettled: found?.page.items ?? [],
      next: found?.page.next_cursor ?? null,
      devices: found?.devices ?? [],
      counts,
      heard,
      problem,
    });
    return { title: "Sync", section: "sync", body, status, parameters: "checked" };
  }

  return new Elysia({ name: "sync-pages" }).get("/admin/sync", async ({ request }) => pages.read(request, sync), {
    detail: { hide: true },
  });
}
