// What an admin does to an account, each on a page of its own: what will happen, why, and for what can't be taken back
// at once, the username typed once more.

import { Html } from "@kitajs/html";
import type { Account } from "../../../src/admin/users-model.ts";
import { attribute } from "../../components/text.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Badge, grouped, Id } from "../pieces.tsx";

export type ChangeKind = "deactivate" | "activate" | "rotate-key" | "role";

export const CHANGES: Readonly<Record<ChangeKind, { title: string; does: string; button: string; isTyped: boolean }>> =
  {
    deactivate: {
      title: "Deactivate",
      does: "All keys stop working at once, in every process, and nobody can pay this account directly. Its cards stay, can be cited, and earn.",
      button: "Deactivate the account",
      isTyped: true,
    },
    activate: { title: "Activate", does: "The same keys work again.", button: "Activate the account", isTyped: false },
    "rotate-key": {
      title: "New account key",
      does: "The account key stops working at once, and a new one is shown here, once. Named keys stay.",
      button: "Make a new key",
      isTyped: true,
    },
    role: {
      title: "Change role",
      does: "Auditors read everything here, admins change it too. A role counts from the next request on.",
      button: "Change the role",
      isTyped: true,
    },
  };

export type ChangeProps = {
  kind: ChangeKind;
  account: Account;
  fields: Readonly<Record<string, string>>;
  problem?: ProblemMessage | undefined;
};

export function ChangePage({ kind, account, fields, problem }: ChangeProps) {
  const { title, does, button, isTyped } = CHANGES[kind];
  const path = `/admin/users/${encodeURIComponent(account.id)}`;
  return (
    <div class="narrow">
      <h1>
        <span safe>{title}</span>: <bdi safe>{account.username}</bdi>
      </h1>
      {problem ? <ProblemNotice problem={problem} /> : ""}
      <p>{does as "safe"}</p>
      <form method="post" action={`${path}/${kind}`} class="stacked" data-once>
        {kind === "rotate-key" ? (
          <input
            type="hidden"
            name="api_key_prefix"
            value={attribute(fields.api_key_prefix ?? account.api_key_prefix)}
          />
        ) : (
          ""
        )}
        {kind === "role" ? (
          <label>
            <span>Role</span>
            <select name="role" autofocus>
              {(["member", "auditor", "admin"] as const).map(role => (
                <option value={role} selected={role === (fields.role ?? account.role)}>
                  {role}
                </option>
              ))}
            </select>
          </label>
        ) : (
          ""
        )}
        <ReasonField value={fields.reason ?? ""} isFirst={kind !== "role"} />
        {isTyped ? <TypedName username={account.username} value={fields.confirm ?? ""} /> : ""}
        <div class="actions">
          <button type="submit" class={isTyped ? "danger" : "primary"}>
            {button as "safe"}
          </button>
          <a href={path}>Cancel</a>
        </div>
      </form>
    </div>
  );
}

/** `isFirst`: the form begins with it, and so does whoever fills it in. */
export function ReasonField({ value, isFirst = false }: { value: string; isFirst?: boolean }) {
  return (
    <label>
      <span>Reason</span>
      <textarea name="reason" rows="3" required maxlength="2000" aria-describedby="reason-hint" autofocus={isFirst}>
        {Html.escapeHtml(value) as "safe"}
      </textarea>
      <small id="reason-hint">For the audit log. The owner of the account never sees it.</small>
    </label>
  );
}

function TypedName({ username, value }: { username: string; value: string }) {
  return (
    <label>
      <span>
        Type <strong safe>{username}</strong> to confirm
      </span>
      <input
        name="confirm"
        value={attribute(value)}
        required
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        maxlength="255"
      />
    </label>
  );
}

export type AdjustProps = {
  account: Account;
  fields: Readonly<Record<string, string>>;
  problem?: ProblemMessage | undefined;
};

/** The first step: what is to be adjusted, and why. */
export function AdjustPage({ account, fields, problem }: AdjustProps) {
  const path = `/admin/users/${encodeURIComponent(account.id)}`;
  const types = [
    ["bonus", "bonus: adds"],
    ["penalty", "penalty: takes"],
    ["admin_adjustment", "adjustment: adds, or takes with a minus"],
  ] as const;
  return (
    <div class="narrow">
      <h1>
        Adjust the balance of <bdi safe>{account.username}</bdi>
      </h1>
      {problem ? <ProblemNotice problem={problem} /> : ""}
      <p>
        The account holds{" "}
        <strong class="money" safe>
          {grouped(account.balance)}
        </strong>
        .
      </p>
      <form method="post" action={`${path}/adjust`} class="stacked">
        <label>
          <span>Type</span>
          <select name="type">
            {types.map(([type, label]) => (
              <option value={type} selected={type === fields.type}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Amount</span>
          <input
            name="amount"
            value={attribute(fields.amount ?? "")}
            required
            inputmode="text"
            autocomplete="off"
            maxlength="22"
            placeholder="0.00"
            autofocus
          />
        </label>
        <ReasonField value={fields.reason ?? ""} />
        <div class="actions">
          <button type="submit" class="primary" name="step" value="review">
            Review
          </button>
          <a href={path}>Cancel</a>
        </div>
      </form>
    </div>
  );
}

export type ReviewProps = {
  account: Account;
  /** As they will be sent. */
  fields: { type: string; amount: string; reason: string };
  /** Signed. */
  change: string;
  after: string;
  idempotencyKey: string;
};

/** The second step: before and after, from which there is one click left. */
export function ReviewPage({ account, fields, change, after, idempotencyKey }: ReviewProps) {
  const path = `/admin/users/${encodeURIComponent(account.id)}`;
  const isTaken = change.startsWith("-");
  return (
    <div class="narrow">
      <h1>
        Adjust the balance of <bdi safe>{account.username}</bdi>
      </h1>
      <BeforeAfter rows={[{ username: account.username, before: account.balance, change, after }]} />
      <p>
        <span class="soft">Reason:</span>{" "}
        <span class="quoted" safe>
          {fields.reason}
        </span>
      </p>
      <form method="post" action={`${path}/adjust`} class="stacked" data-once>
        {Object.entries({
          ...fields,
          idempotency_key: idempotencyKey,
          balance_before: account.balance,
        }).map(([name, value]) => (
          <input type="hidden" name={name} value={attribute(value)} />
        ))}
        <div class="actions">
          <button type="submit" class={isTaken ? "danger" : "primary"} name="step" value="post" autofocus>
            {isTaken ? "Take" : "Add"} <span safe>{grouped(change.replace("-", ""))}</span>
          </button>
          <button type="submit" name="step" value="edit">
            Change it
          </button>
          <a href={path}>Cancel</a>
        </div>
      </form>
    </div>
  );
}

export type BalanceChange = { username: string; before: string; change: string; after: string };

/** What an account held, what is added or taken, and what it holds then. */
export function BeforeAfter({ rows }: { rows: readonly BalanceChange[] }) {
  return (
    <table class="before-after">
      <caption>What will change</caption>
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col" class="number">
            Before
          </th>
          <th scope="col" class="number">
            Change
          </th>
          <th scope="col" class="number">
            After
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ username, before, change, after }) => (
          <tr>
            <th scope="row">
              <bdi safe>{username}</bdi>
            </th>
            <td class="number before" safe>
              {grouped(before)}
            </td>
            <td class={`number ${change.startsWith("-") ? "debit" : "credit"}`} safe>
              {(change.startsWith("-") ? "" : "+") + grouped(change).replace("-", "−")}
            </td>
            <td class="number after" safe>
              {grouped(after)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A new key, shown once. */
export function NewKeyPage({ account, apiKey }: { account: Account; apiKey: string }) {
  return (
    <div class="narrow">
      <h1>
        New key of <bdi safe>{account.username}</bdi>
      </h1>
      <p class="notice done" role="status">
        The old key has stopped working. This is the new one; it is shown only now.
      </p>
      <p class="secret">
        <Id value={apiKey} short={false} label="the key" />
      </p>
      <p>
        <Badge tone="warn">once</Badge> Give it to its owner on a way that nobody else reads.
      </p>
      <p>
        <a href={`/admin/users/${encodeURIComponent(account.id)}`}>Back to the account</a>
      </p>
    </div>
  );
}
