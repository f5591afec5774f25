// The page of the audit log.

import { Elysia } from "elysia";
import { z } from "zod";
import { AuditPage } from "../../../views/admin/pages/audit.tsx";
import { pageQuery } from "../../cursor.ts";
import { requirePeriod } from "../../moment.ts";
import type { Services } from "../../services.ts";
import { auditColumns, auditFilter } from "../audit-model.ts";
import { listAudit } from "../audit-store.ts";
import { findFilterUser, userText } from "../user-filter.ts";
import { sendCsv } from "./csv-file.ts";
import { readList, readQuery, readRaw } from "./list-query.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";

const hidden = { detail: { hide: true } };

/** People know names; the log knows ids. */
const query = z.strictObject({
  ...pageQuery,
  ...auditFilter,
  actor_id: userText.optional(),
  user_id: userText.optional(),
});

/** `/admin/audit`. */
export function auditPages(services: Services) {
  const { sql } = services;
  const pages = operatorPages(services);

  async function withIds(asked: z.output<typeof query>) {
    requirePeriod(asked);
    const [actor_id, user_id] = [
      await findFilterUser(sql, asked.actor_id, "/actor_id"),
      await findFilterUser(sql, asked.user_id, "/user_id"),
    ];
    return { ...asked, actor_id, user_id };
  }

  async function audit({ url }: Visit): Promise<View> {
    const raw = readRaw(url);
    const { found, problem, status } = await readList(query, raw, async asked => {
      const filter = await withIds(asked);
      return listAudit(sql, filter, filter);
    });
    const body = AuditPage({ raw, records: found?.items ?? [], next: found?.next_cursor ?? null, problem });
    return { title: "Audit log", section: "audit", body, status, parameters: "checked" };
  }

  async function file(visit: Visit): Promise<Response> {
    const { cursor: _, limit: __, ...filter } = await withIds(readQuery(query, readRaw(visit.url)));
    return sendCsv(services, visit, {
      name: "audit",
      columns: auditColumns,
      list: page => listAudit(sql, filter, page),
      toLine: record => record,
    });
  }

  return new Elysia({ name: "audit-pages" })
    .get("/admin/audit", async ({ request }) => pages.read(request, audit), hidden)
    .get("/admin/audit.csv", async ({ request }) => pages.read(request, file), hidden);
}
