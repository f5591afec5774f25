// All accounts: found by name, e-mail address or id.

import { Html } from "@kitajs/html";
import type { Account } from "../../../src/admin/users-model.ts";
import type { RawQuery } from "../address.ts";
import { choicesOf, type Field, Filters } from "../filters.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, Badge, beginningOf, Count, grouped, UserLink } from "../pieces.tsx";
import { type Column, DataTable, Pager } from "../table.tsx";

const PATH = "/admin/users";

const FIELDS: readonly Field[] = [
  { kind: "text", name: "q", label: "Name, e-mail or id", placeholder: "begins with …", size: "large" },
  {
    kind: "choice",
    name: "role",
    label: "Role",
    choices: choicesOf(["member", "auditor", "admin"]),
  },
  {
    kind: "choice",
    name: "active",
    label: "State",
    choices: [
      ["true", "active"],
      ["false", "deactivated or erased"],
    ],
  },
];

const columns: readonly Column<Account>[] = [
  {
    label: "Username",
    sort: "username",
    isName: true,
    cell: ({ id, username }) => <UserLink id={id} username={username} />,
  },
  // On a phone this is what is seen beside the name.
  { label: "Balance", sort: "balance", isNumber: true, cell: ({ balance }) => <span safe>{grouped(balance)}</span> },
  {
    label: "Name",
    cell: ({ display_name }) => (
      <bdi class="clip" safe>
        {beginningOf(display_name ?? "")}
      </bdi>
    ),
  },
  {
    label: "E-mail",
    cell: ({ email }) => (
      <span class="clip" safe>
        {beginningOf(email)}
      </span>
    ),
  },
  { label: "Entries", isNumber: true, cell: ({ entry_count }) => <Count value={entry_count} /> },
  { label: "Role", cell: ({ role }) => (role === "member" ? <span>{role}</span> : <Badge tone="warn">{role}</Badge>) },
  { label: "State", cell: account => <AccountState account={account} /> },
  { label: "Since", sort: "created_at", cell: ({ created_at }) => <Ago at={created_at} /> },
];

export function AccountState({ account }: { account: Pick<Account, "username" | "is_active" | "erased_at"> }) {
  // The name is reserved; nobody signs in with it, which is nothing to worry about.
  if (account.username === "system") return <Badge tone="plain">built in</Badge>;
  if (account.erased_at !== null) return <Badge tone="plain">erased</Badge>;
  return account.is_active ? <Badge tone="good">active</Badge> : <Badge tone="bad">deactivated</Badge>;
}

export type UsersProps = {
  raw: RawQuery;
  accounts: readonly Account[];
  next: string | null;
  problem?: ProblemMessage | undefined;
};

export function UsersPage({ raw, accounts, next, problem }: UsersProps) {
  const sort = raw.sort ?? "-created_at";
  return (
    <>
      <h1>Users</h1>
      <Filters path={PATH} raw={raw} fields={FIELDS} />
      <div id="list">
        {problem ? (
          <ProblemNotice problem={problem} fields={FIELDS} />
        ) : (
          <DataTable
            caption="Accounts"
            columns={columns}
            rows={accounts}
            sorting={{ path: PATH, raw, current: sort }}
            empty="No account begins like that. Try fewer letters, or clear the filters."
          />
        )}
        <Pager path={PATH} raw={raw} next={next} />
      </div>
    </>
  );
}
