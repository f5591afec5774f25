// The pages of the ledger: all entries with filters, live and as CSV; each with what proves it; and its reversal.

import { Elysia } from "elysia";
import { EntryPage, ReversePage } from "../../../views/admin/pages/entry.tsx";
import { LedgerPage } from "../../../views/admin/pages/ledger.tsx";
import { resumeSession } from "../../auth/session.ts";
import { readToken } from "../../auth/session-cookie.ts";
import { allowTime } from "../../deadline.ts";
import { idempotencyKeyOf } from "../../idempotency.ts";
import { entryId } from "../../ledger/model.ts";
import { requirePeriod } from "../../moment.ts";
import { Problem } from "../../problem.ts";
import type { Services } from "../../services.ts";
import { sha256 } from "../../sha256.ts";
import { listAudit } from "../audit-store.ts";
import { findAnyCard } from "../cards-store.ts";
import {
  type AccountEntryFilter,
  accountEntryColumns,
  accountEntryQuery,
  type EntryView,
  requireRange,
  toAccountEntryLine,
} from "../ledger-model.ts";
import { getAnyEntry, listAllEntries } from "../ledger-store.ts";
import { LedgerWatch } from "../ledger-watch.ts";
import { reversalRequest } from "../movements-model.ts";
import { getMovement } from "../movements-store.ts";
import { isTellable, requireForm } from "./change-user.ts";
import { sendCsv } from "./csv-file.ts";
import { openTail } from "./ledger-tail.ts";
import { readList, readQuery, readRaw } from "./list-query.ts";
import { isSecure, operatorPages, type View, type Visit } from "./operator-pages.ts";
import { messageOf } from "./problem-view.ts";
import { redirect } from "./reply.ts";
import { hindranceOf, type Leg, readReversal, refusalOf } from "./reversal.ts";

const hidden = { detail: { hide: true } };

/** `/admin/ledger` and what is below it. */
export function ledgerPages(services: Services) {
  const { sql, log, stopping, movements, metrics, baseUrlOf } = services;
  const pages = operatorPages(services);
  const watch = new LedgerWatch(sql, log);
  metrics.read({
    name: "extrophi_admin_live_lists",
    help: "Lists of entries that operators watch live",
    type: "gauge",
    read: () => [[watch.count]],
  });

  function requireSense(filter: AccountEntryFilter): void {
    requirePeriod(filter);
    requireRange(filter);
  }

  async function ledger({ url }: Visit): Promise<View> {
    const raw = readRaw(url);
    const { found, problem, status } = await readList(accountEntryQuery, raw, async filter => {
      requireSense(filter);
      return listAllEntries(sql, filter, filter);
    });
    const body = LedgerPage({ raw, entries: found?.items ?? [], next: found?.next_cursor ?? null, problem });
    return { title: "Ledger", section: "ledger", body, status, parameters: "checked" };
  }

  async function file(visit: Visit): Promise<Response> {
    const { cursor: _, limit: __, ...filter } = readQuery(accountEntryQuery, readRaw(visit.url));
    requireSense(filter);
    return sendCsv(services, visit, {
      name: "ledger",
      columns: accountEntryColumns,
      list: page => listAllEntries(sql, filter, page),
      toLine: toAccountEntryLine,
    });
  }

  async function entry({ url, operator }: Visit, id: string): Promise<View> {
    const entry = await getAnyEntry(sql, requireEntryId(id));
    const isOpen = operator.role === "admin" && entry.reversed_by === null && entry.transaction_type !== "reversal";
    const [{ items }, legs, card] = await Promise.all([
      listAudit(sql, { transaction_id: entry.transaction_id }, { limit: 1 }),
      isOpen ? readReversal(sql, entry.transaction_id) : [],
      entry.card_id ? findAnyCard(sql, entry.card_id) : undefined,
    ]);
    const hindrance = hindranceOf(legs);
    const body = EntryPage({
      entry,
      record: items[0],
      card: card && { id: card.id, title: card.title, withdrawn: card.status === "withdrawn" },
      isProven: sha256(entry.canonical_text) === entry.entry_hash,
      canReverse: isOpen && hindrance === undefined,
      hindrance,
      isDone: entry.transaction_type === "reversal" && url.searchParams.get("done") === "reversed",
    });
    return { title: `Entry #${entry.id}`, section: "ledger", body, parameters: ["done"] };
  }

  /** The form for a reversal that may be possible. Throws `not-found`, `already-reversed`, `not-reversible`. */
  async function openReversal(id: string): Promise<View> {
    const entry = await getAnyEntry(sql, id);
    const legs = await readReversal(sql, entry.transaction_id);
    const refusal = refusalOf(entry, legs);
    if (refusal) throw new Problem(refusal);
    return reverseView(entry, legs, {});
  }

  function reverseView(
    entry: EntryView,
    legs: readonly Leg[],
    fields: Record<string, string>,
    problem?: Problem,
  ): View {
    const body = ReversePage({
      entry,
      legs,
      reason: fields.reason ?? "",
      idempotencyKey: fields.idempotency_key || crypto.randomUUID(),
      problem: problem && messageOf(problem),
    });
    return { title: `Reverse #${entry.id}`, section: "ledger", body, status: problem?.status ?? 200 };
  }

  async function reverse({ form, operator, requestId }: Visit, id: string): Promise<View | Response> {
    try {
      const asked = requireForm(reversalRequest, { reason: form.reason });
      const { transactionId } = await movements.reverse({
        caller: operator.caller,
        idempotency: idempotencyKeyOf(form.idempotency_key ?? "", `form reversal ${id}`, asked),
        requestId,
        entryId: id,
        reason: asked.reason,
      });
      const { entries } = await getMovement(sql, transactionId);
      const own = entries.find(({ reverses_id }) => reverses_id === id) ?? entries[0];
      return redirect(`/admin/ledger/${own?.id ?? ""}?done=reversed`);
    } catch (problem) {
      if (!isTellable(problem)) throw problem;
      const entry = await getAnyEntry(sql, id);
      const legs = await readReversal(sql, entry.transaction_id);
      // What can't be done any more is not offered once more.
      if (refusalOf(entry, legs)) throw problem;
      return reverseView(entry, legs, form, problem);
    }
  }

  async function tail(request: Request): Promise<Response> {
    const token = readToken(request, isSecure(baseUrlOf(request)));
    try {
      if (token === undefined) throw new Problem("unauthenticated");
      // Whoever is no operator any more has no session either, as on every page.
      const confirm = () => resumeSession(sql, token, { isUse: false }).catch(asUnauthenticated);
      await confirm();
      const { cursor: _, limit, ...filter } = readQuery(accountEntryQuery, readRaw(new URL(request.url)));
      const signal = stopping ? AbortSignal.any([request.signal, stopping]) : request.signal;
      return openTail(sql, watch, { filter, rows: limit, confirm, signal });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The script tells whoever looks at the page; a browser's event source shows no texts.
      return new Response(null, { status: error.status, headers: { "cache-control": "no-store" } });
    }
  }

  return new Elysia({ name: "ledger-pages" })
    .get("/admin/ledger", async ({ request }) => pages.read(request, ledger), hidden)
    .get("/admin/ledger.csv", async ({ request }) => pages.read(request, file), hidden)
    .get(
      "/admin/ledger/tail",
      async ({ request, server }) => {
        allowTime({ request, server }, 0);
        return tail(request);
      },
      hidden,
    )
    .get(
      "/admin/ledger/:id",
      async ({ request, params: { id } }) => pages.read(request, visit => entry(visit, id)),
      hidden,
    )
    .get(
      "/admin/ledger/:id/reverse",
      async ({ request, params: { id } }) => pages.open(request, async () => openReversal(requireEntryId(id))),
      hidden,
    )
    .post(
      "/admin/ledger/:id/reverse",
      async ({ request, body, params: { id } }) =>
        pages.write(request, body, async visit => reverse(visit, requireEntryId(id))),
      hidden,
    );
}

function asUnauthenticated(error: unknown): never {
  throw error instanceof Problem && error.slug === "forbidden" ? new Problem("unauthenticated") : error;
}

/** Throws `not-found` for what can't be an entry's id. */
function requireEntryId(text: string): string {
  const id = entryId.safeParse(text);
  if (!id.success) throw new Problem("not-found");
  return id.data;
}
