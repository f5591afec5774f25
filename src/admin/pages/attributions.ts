// The pages of attributions: what flows between authors over a time, and all of them as a list.

import { Elysia } from "elysia";
import { AnalyticsPage } from "../../../views/admin/pages/analytics.tsx";
import { AttributionsPage } from "../../../views/admin/pages/attributions.tsx";
import { requirePeriod } from "../../moment.ts";
import type { Services } from "../../services.ts";
import { analyticsQuery, lastDays, readDays } from "../analytics-model.ts";
import { attributionColumns, listedAttributionQuery, toAttributionLine } from "../attributions-model.ts";
import { listAllAttributions } from "../attributions-store.ts";
import { sendCsv } from "./csv-file.ts";
import { readList, readQuery, readRaw } from "./list-query.ts";
import { isAskedByScript, operatorPages, type View, type Visit } from "./operator-pages.ts";

const hidden = { detail: { hide: true } };

/** Times up to today that are one click away, in days. */
const PRESETS = [7, 30, 90, 365];

/** `/admin/attributions` and what is below it. */
export function attributionPages(services: Services) {
  const { sql, analytics } = services;
  const pages = operatorPages(services);

  async function report({ url, request }: Visit): Promise<View> {
    const raw = readRaw(url);
    const { found, problem, status } = await readList(
      analyticsQuery,
      raw,
      query => {
        const days = readDays(query, Date.now());
        return isAskedByScript(request) ? analytics.get(days) : analytics.getSoon(days);
      },
      { defaults: {} },
    );
    const presets = PRESETS.map(days => ({ days, ...lastDays(days, Date.now()) }));
    return {
      title: "Attributions",
      section: "attributions",
      body: AnalyticsPage({ raw, presets, analytics: found, problem }),
      status,
      parameters: "checked",
    };
  }

  async function all({ url }: Visit): Promise<View> {
    const raw = readRaw(url);
    const { found, problem, status } = await readList(listedAttributionQuery, raw, async query => {
      requirePeriod(query);
      return listAllAttributions(sql, query, query);
    });
    const body = AttributionsPage({ raw, attributions: found?.items ?? [], next: found?.next_cursor ?? null, problem });
    return { title: "All attributions", section: "attributions", body, status, parameters: "checked" };
  }

  async function file(visit: Visit): Promise<Response> {
    const { cursor: _, limit: __, ...filter } = readQuery(listedAttributionQuery, readRaw(visit.url));
    requirePeriod(filter);
    return sendCsv(services, visit, {
      name: "attributions",
      columns: attributionColumns,
      list: page => listAllAttributions(sql, filter, page),
      toLine: toAttributionLine,
    });
  }

  return new Elysia({ name: "attribution-pages" })
    .get("/admin/attributions", async ({ request }) => pages.read(request, report), hidden)
    .get("/admin/attributions/all", async ({ request }) => pages.read(request, all), hidden)
    .get("/admin/attributions.csv", async ({ request }) => pages.read(request, file), hidden);
}
