// The page of the check of the books. A check may take minutes: it is begun by a form, goes on whoever looks, and the
// page shows how far it is, whichever process it runs in.

import { Elysia } from "elysia";
import type { ProblemMessage } from "../../../views/admin/notices.tsx";
import { IntegrityPage } from "../../../views/admin/pages/integrity.tsx";
import { requireRole } from "../../auth/operator.ts";
import { findRecord } from "../../ledger/integrity/records.ts";
import { listRunningChecks, type RunningCheck } from "../../ledger/integrity/running.ts";
import { RULES } from "../../ledger/invariants.ts";
import { nameAndCode } from "../../log.ts";
import { invalid, Problem } from "../../problem.ts";
import type { Services } from "../../services.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";
import { messageOf } from "./problem-view.ts";
import { redirect } from "./reply.ts";

const hidden = { detail: { hide: true } };

/** What is over by then is shown at once. */
const QUICK_MS = 1_500;

/** `/admin/integrity`. */
export function integrityPages(services: Services) {
  const { sql, integrity, log } = services;
  const pages = operatorPages(services);
  let running: RunningCheck | undefined;
  let failure: ProblemMessage | undefined;

  async function view({ operator }: Visit): Promise<View> {
    const [lastClean, everywhere] = await Promise.all([findRecord(sql), listRunningChecks(sql)]);
    const body = IntegrityPage({
      lastClean,
      rules: RULES,
      report: integrity.newestAfter(lastClean),
      // Ours is not announced before its turn has come.
      running: everywhere[0] ?? running,
      canCheckAll: operator.role === "admin",
      problem: failure,
    });
    return { title: "Integrity", section: "integrity", body };
  }

  async function check({ form, operator }: Visit): Promise<Response> {
    const { what } = form;
    if (what !== "new" && what !== "all") throw invalid("/what", "new or all");
    if (what === "all") requireRole(operator, "write");
    if (running === undefined) await Promise.race([run(what), Bun.sleep(QUICK_MS)]);
    return redirect("/admin/integrity");
  }

  async function run(what: RunningCheck["what"]): Promise<void> {
    running = { what, started_at: new Date().toISOString(), done: 0 };
    failure = undefined;
    try {
      await (what === "all" ? integrity.checkAll() : integrity.checkNew());
    } catch (error) {
      failure = messageOf(error instanceof Problem ? error : new Problem("unavailable"));
      log.warn({ error: nameAndCode(error) }, "a check of the books did not come to its end");
    } finally {
      running = undefined;
    }
  }

  return new Elysia({ name: "integrity-pages" })
    .get("/admin/integrity", async ({ request }) => pages.read(request, view), hidden)
    .post("/admin/integrity", async ({ request, body }) => pages.own(request, body, check), hidden);
}
