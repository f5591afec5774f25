// HTTP of the audit log.

import { Elysia } from "elysia";
import { z } from "zod";
import { preferredType } from "../accept.ts";
import { confirmOperator } from "../auth/operator.ts";
import type { Caller } from "../auth/scopes.ts";
import { answers } from "../contract.ts";
import { csvResponse } from "../csv.ts";
import { type PageRequest, pageOf, pageQuery } from "../cursor.ts";
import { nameAndCode } from "../log.ts";
import { requirePeriod } from "../moment.ts";
import { stateOf } from "../request-state.ts";
import type { Services } from "../services.ts";
import { type AuditFilter, auditColumns, auditFilter, auditRecord } from "./audit-model.ts";
import { listAudit } from "./audit-store.ts";

/** `/api/admin/audit`. */
export function auditRoutes({ sql, guard, log }: Services) {
  function exportAudit(request: Request, caller: Caller, query: AuditFilter & PageRequest) {
    return csvResponse({
      name: "audit",
      columns: auditColumns,
      list: ({ limit, cursor = query.cursor }) => listAudit(sql, query, { limit, cursor }),
      confirm: () => confirmOperator(sql, caller, "read"),
      onError: error => {
        log.warn({ request_id: stateOf(request).id, error: nameAndCode(error) }, "a CSV file broke off");
      },
    });
  }

  return new Elysia({ name: "audit" }).use(guard).get(
    "/api/admin/audit",
    ({ caller, query, request, set }) => {
      requirePeriod(query);
      set.headers.vary = "Accept";
      const type = preferredType(request, ["application/json", "text/csv"]);
      // Not written with `? :`, inside of which Elysia would not see the calls to wait for.
      if (type === "text/csv") return exportAudit(request, caller, query);
      return listAudit(sql, query, query);
    },
    {
      operator: "read",
      query: z.strictObject({ ...pageQuery, ...auditFilter }),
      response: answers({ 200: pageOf(auditRecord) }, [401, 403, 422, 429]),
      detail: {
        tags: ["Admin"],
        summary: "What operators did, newest first",
        description:
          "Nothing in it is ever changed. Reasons that concern an account are erased with it. With `Accept: text/csv` all that the filters let through comes as one file.",
        responses: {
          200: {
            description: "A page of records, or all of them as CSV.",
            content: { "text/csv": { schema: { type: "string" } } },
          },
        },
      },
    },
  );
}
