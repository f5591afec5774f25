// The pages on which admins change an account: each asks for a reason and shows what will happen before it does.

import { Elysia } from "elysia";
import type { z } from "zod";
import {
  AdjustPage,
  CHANGES,
  type ChangeKind,
  ChangePage,
  NewKeyPage,
  ReviewPage,
} from "../../../views/admin/pages/change-user.tsx";
import { idempotencyKeyOf } from "../../idempotency.ts";
import { AMOUNT_MAX, compareAmounts, sumAmounts } from "../../money.ts";
import { invalid, Problem } from "../../problem.ts";
import type { Services } from "../../services.ts";
import { issueKey } from "../../users/issue-key.ts";
import { type ChangeOrder, requireChangeable, setAccountKey, setActive, setRole } from "../change-account.ts";
import { adjustmentRequest } from "../movements-model.ts";
import { type Account, changeRequest, roleRequest } from "../users-model.ts";
import { getAccount } from "../users-store.ts";
import { explainIssues } from "./issues.ts";
import { operatorPages, type View, type Visit } from "./operator-pages.ts";
import { messageOf } from "./problem-view.ts";
import { redirect } from "./reply.ts";
import { plainAmount } from "./typed-amount.ts";
import { requireId } from "./users.ts";

const hidden = { detail: { hide: true } };

/** `/admin/users/{id}/adjust`, `/deactivate`, `/activate`, `/rotate-key` and `/role`. */
export function changeUserPages(services: Services) {
  const { sql, gatekeeper, movements } = services;
  const pages = operatorPages(services);

  /** The account that a form is opened for. Throws `not-found`. */
  async function openFor(id: string): Promise<Account> {
    const account = await getAccount(sql, requireId(id));
    requireChangeable(account);
    return account;
  }

  function adjustView(account: Account, fields: Record<string, string>, problem?: Problem): View {
    return {
      title: `Adjust ${account.username}`,
      section: "users",
      body: AdjustPage({ account, fields, problem: problem && messageOf(problem) }),
      status: problem?.status ?? 200,
    };
  }

  async function adjust({ form, operator, requestId }: Visit, id: string): Promise<View | Response> {
    const account = await getAccount(sql, id);
    // What was posted may be a form sent again, which is answered as it was the first time.
    if (form.step !== "post") requireChangeable(account);
    if (form.step === "edit") return adjustView(account, form);
    try {
      const { type, amount, reason } = form;
      const asked = requireForm(adjustmentRequest, { type, amount: amount && plainAmount(amount), reason });
      if (form.step !== "post") return review(account, asked);
      await movements.adjust({
        caller: operator.caller,
        idempotency: idempotencyKeyOf(form.idempotency_key ?? "", `form ${account.id}`, asked),
        requestId,
        userId: account.id,
        ...asked,
        expectedBalance: requireBalance(form.balance_before),
      });
      return redirect(`/admin/users/${account.id}?done=adjusted`);
    } catch (problem) {
      if (!isTellable(problem)) throw problem;
      return adjustView(await getAccount(sql, id), form, problem);
    }
  }

  function review(account: Account, asked: z.output<typeof adjustmentRequest>): View {
    const change = asked.type === "penalty" ? `-${asked.amount}` : asked.amount;
    const after = sumAmounts([account.balance, change]);
    if (compareAmounts(after, "0.00") < 0) {
      throw new Problem("insufficient-balance", {
        detail: `The account holds ${account.balance}: ${asked.amount.replace("-", "")} can't be taken from it.`,
      });
    }
    if (compareAmounts(after, AMOUNT_MAX) > 0) {
      throw invalid("/amount", `With ${account.balance} in the account, it would hold more than ${AMOUNT_MAX}.`);
    }
    const body = ReviewPage({ account, fields: asked, change, after, idempotencyKey: crypto.randomUUID() });
    return { title: `Adjust ${account.username}`, section: "users", body };
  }

  function changeView(kind: ChangeKind, account: Account, fields: Record<string, string>, problem?: Problem): View {
    return {
      title: `${CHANGES[kind].title}: ${account.username}`,
      section: "users",
      body: ChangePage({ kind, account, fields, problem: problem && messageOf(problem) }),
      status: problem?.status ?? 200,
    };
  }

  async function change(visit: Visit, kind: ChangeKind, id: string): Promise<View | Response> {
    const { form } = visit;
    const account = await getAccount(sql, id);
    try {
      if (CHANGES[kind].isTyped && form.confirm?.trim().toLowerCase() !== account.username.toLowerCase()) {
        throw invalid("/confirm", `Type the username, ${account.username}.`);
      }
      const { reason } = requireForm(changeRequest, { reason: form.reason });
      if (kind === "role" && form.role === account.role) {
        throw invalid("/role", `${account.username} is ${account.role} already: nothing would be changed or recorded.`);
      }
      const { operator, requestId } = visit;
      return await perform(kind, { caller: operator.caller, requestId, userId: account.id, reason }, form);
    } catch (problem) {
      if (!isTellable(problem)) throw problem;
      return changeView(kind, await getAccount(sql, id), form, problem);
    }
  }

  async function perform(kind: ChangeKind, order: ChangeOrder, form: Visit["form"]): Promise<View | Response> {
    switch (kind) {
      case "deactivate":
      case "activate":
        await setActive(sql, order, kind === "activate");
        break;
      case "role":
        await setRole(sql, order, requireForm(roleRequest, { role: form.role, reason: order.reason }).role);
        break;
      case "rotate-key": {
        const issued = await issueKey(gatekeeper.bcrypt);
        const changed = await setAccountKey(sql, order, issued, form.api_key_prefix ?? "");
        const body = NewKeyPage({ account: changed, apiKey: issued.key });
        return { title: `New key of ${changed.username}`, section: "users", body };
      }
    }
    return redirect(`/admin/users/${order.userId}?done=${kind}`);
  }

  const plugin = new Elysia({ name: "change-user-pages" })
    .get(
      "/admin/users/:id/adjust",
      async ({ request, params: { id } }) => pages.open(request, async () => adjustView(await openFor(id), {})),
      hidden,
    )
    .post(
      "/admin/users/:id/adjust",
      async ({ request, body, params: { id } }) =>
        pages.write(request, body, async visit => adjust(visit, requireId(id))),
      hidden,
    );
  for (const kind of Object.keys(CHANGES) as ChangeKind[]) {
    plugin
      .get(
        `/admin/users/:id/${kind}`,
        async ({ request, params }) =>
          pages.open(request, async () => changeView(kind, await openFor(idOf(params)), {})),
        hidden,
      )
      .post(
        `/admin/users/:id/${kind}`,
        async ({ request, body, params }) =>
          pages.write(request, body, async visit => change(visit, kind, requireId(idOf(params)))),
        hidden,
      );
  }
  return plugin;
}

/** Built from a name, a path has parameters of any name. */
function idOf(params: Record<string, string | undefined>): string {
  return params.id ?? "";
}

/** The fields as the API would take them. Throws `validation` with what is wrong with each. */
export function requireForm<T>(schema: z.ZodType<T>, fields: object): T {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw new Problem("validation", { errors: explainIssues(parsed.error.issues) });
}

/** What the operator saw before deciding. Throws `validation` for anything else than an amount. */
function requireBalance(text: string | undefined): string {
  if (text !== undefined && /^[0-9]{1,18}\.[0-9]{2}$/.test(text)) return text;
  throw invalid("/balance_before", "The form lacks the balance that it was decided by.");
}

/** Whether an operator can do something about it on the same page. */
export function isTellable(problem: unknown): problem is Problem {
  return (
    problem instanceof Problem &&
    problem.status < 500 &&
    problem.slug !== "unauthenticated" &&
    problem.slug !== "not-found"
  );
}
