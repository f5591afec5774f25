// One account: who it is, what it holds, what it did, and what an admin can do about it.

import { Html, type PropsWithChildren } from "@kitajs/html";
import type { AuditAction } from "../../../src/admin/audit-model.ts";
import type { ListedCard } from "../../../src/admin/cards-model.ts";
import type { Device } from "../../../src/admin/devices-model.ts";
import type { AccountEntry } from "../../../src/admin/ledger-model.ts";
import type { Account } from "../../../src/admin/users-model.ts";
import type { Attribution } from "../../../src/attributions/model.ts";
import type { NamedKey } from "../../../src/users/model.ts";
import { BalanceChart, type Point } from "../charts.tsx";
import { attributionColumns, cardColumns, entryColumns } from "../lists.tsx";
import { DoneNotice } from "../notices.tsx";
import { Ago, Badge, Count, type Fact, Facts, grouped, Id } from "../pieces.tsx";
import { type Column, DataTable } from "../table.tsx";
import { deviceColumns } from "./sync.tsx";
import { AccountState } from "./users.tsx";

/** What was done a moment ago, and the entry that it made. */
export type Done = { action: AuditAction; entry?: string | undefined };

export type UserProps = {
  account: Account;
  canChange: boolean;
  isSystem: boolean;
  /** Somebody has to stay who can do all this. */
  isOnlyAdmin: boolean;
  done: Done | undefined;
  balances: readonly Point[];
  entries: readonly AccountEntry[];
  cards: readonly ListedCard[];
  /** Undefined: they could not be found in time. */
  received: readonly Attribution[] | undefined;
  made: readonly Attribution[] | undefined;
  keys: readonly NamedKey[];
  devices: readonly Device[];
};

export function UserPage(props: UserProps) {
  const { account } = props;
  const path = `/admin/users/${encodeURIComponent(account.id)}`;
  const user = encodeURIComponent(account.id);
  return (
    <>
      <header class="head">
        <div>
          <h1>
            <bdi safe>{account.username}</bdi>
          </h1>
          <p class="soft">
            <bdi safe>{account.display_name ?? ""}</bdi>
          </p>
        </div>
        <p class="figure">
          <span class="soft">Balance</span>
          <strong class="money" id="balance" safe>
            {grouped(account.balance)}
          </strong>
        </p>
      </header>
      <DoneMessage done={props.done} />
      <Actions {...props} path={path} />
      <Facts
        facts={[
          ["State", <AccountState account={account} />],
          ["Role", account.role === "member" ? <span>member</span> : <Badge tone="warn">{account.role}</Badge>],
          ["E-mail", <span safe>{account.email + (account.email_verified ? "" : " (not verified)")}</span>],
          ["Id", <Id value={account.id} short={false} label="the account's id" />],
          ["Account key", <Id value={account.api_key_prefix} label="the beginning of the account key" />],
          ["Since", <Ago at={account.created_at} />],
          ["Entries", <Count value={account.entry_count} />],
          ...bioOf(account),
        ]}
      />
      <section aria-labelledby="over-time">
        <h2 id="over-time">Balance over time</h2>
        {props.balances.length > 1 ? (
          <BalanceChart title={`Balance of ${account.username}`} points={props.balances} />
        ) : (
          <p class="empty">No entries yet.</p>
        )}
      </section>
      <Part id="entries" title="Latest entries" more={`/admin/ledger?user=${user}`}>
        <DataTable
          caption="Latest entries"
          columns={entryColumns({ withUser: false })}
          rows={props.entries}
          empty="No entries yet."
        />
      </Part>
      <Part id="cards" title="Latest cards" more={`/admin/cards?user=${user}`}>
        <DataTable
          caption="Latest cards"
          columns={cardColumns({ withUser: false }).map(({ sort: _, ...column }) => column)}
          rows={props.cards}
          empty="Nothing was published."
        />
      </Part>
      <Part id="received" title="Cited by others" more={`/admin/attributions/all?source_user=${user}`}>
        <DataTable
          caption="Cited by others"
          columns={attributionColumns()}
          rows={props.received ?? []}
          empty={props.received ? "Nobody has cited this author yet." : TOO_SLOW}
        />
      </Part>
      <Part id="made" title="Cites others" more={`/admin/attributions/all?target_user=${user}`}>
        <DataTable
          caption="Cites others"
          columns={attributionColumns()}
          rows={props.made ?? []}
          empty={props.made ? "This author cites nobody yet." : TOO_SLOW}
        />
      </Part>
      <Part id="keys-of" title="Named keys">
        <DataTable caption="Named keys" columns={KEYS} rows={props.keys} empty="No named keys: only the account key." />
      </Part>
      <Part id="devices" title="Devices" more={`/admin/sync?user=${user}`}>
        <DataTable
          caption="Devices"
          columns={deviceColumns(account.id)}
          rows={props.devices}
          empty="No device was ever kept in step."
        />
      </Part>
    </>
  );
}

function Part({ id, title, more, children }: PropsWithChildren<{ id: string; title: string; more?: string }>) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        <span safe>{title}</span>
        {more ? (
          <a class="more" href={more}>
            All of them
          </a>
        ) : (
          ""
        )}
      </h2>
      {children}
    </section>
  );
}

function Actions({ account, canChange, isSystem, isOnlyAdmin, path }: UserProps & { path: string }) {
  if (isSystem || account.erased_at !== null) {
    return <p class="soft">{isSystem ? "The system's own account" : "An erased account"} can't be changed.</p>;
  }
  if (!canChange) return "";
  return (
    <nav class="actions" aria-label="Change this account">
      <a class="button primary" href={`${path}/adjust`}>
        Adjust balance
      </a>
      {isOnlyAdmin ? (
        ""
      ) : (
        <a class="button" href={`${path}/role`}>
          Change role
        </a>
      )}
      <a class="button" href={`${path}/rotate-key`}>
        New key
      </a>
      {isOnlyAdmin ? (
        <span class="soft">The only active admin can't be deactivated or get another role.</span>
      ) : account.is_active ? (
        <a class="button danger" href={`${path}/deactivate`}>
          Deactivate
        </a>
      ) : (
        <a class="button" href={`${path}/activate`}>
          Activate
        </a>
      )}
      <a href={`/admin/audit?user_id=${encodeURIComponent(account.id)}`}>What operators did</a>
    </nav>
  );
}

const DONE: Readonly<Partial<Record<AuditAction, string>>> = {
  balance_adjusted: "The balance was adjusted.",
  account_deactivated: "The account is deactivated. Its keys have stopped working.",
  account_activated: "The account is active. Its keys work again.",
  role_changed: "The role was changed. It counts from the next request on.",
};

const TOO_SLOW = "Finding them takes too long right now. The list of all of them takes filters that make it faster.";

function bioOf({ bio }: Account): Fact[] {
  if (!bio) return [];
  const text = (
    <span class="quoted" dir="auto" safe>
      {bio}
    </span>
  );
  return [["Bio", text]];
}

function DoneMessage({ done }: { done: Done | undefined }) {
  const message = done && DONE[done.action];
  if (!message) return "";
  return (
    <DoneNotice>
      <span safe>{message}</span>
      {done.entry ? (
        <>
          {" "}
          <a href={`/admin/ledger/${encodeURIComponent(done.entry)}`} safe>{`Entry #${done.entry}`}</a>
        </>
      ) : (
        ""
      )}
    </DoneNotice>
  );
}

const KEYS: readonly Column<NamedKey>[] = [
  { label: "Name", isName: true, cell: ({ name }) => <bdi safe>{name}</bdi> },
  { label: "Begins with", cell: ({ prefix }) => <Id value={prefix} label="the key's beginning" /> },
  { label: "May", cell: ({ scopes }) => <span safe>{scopes.join(", ")}</span> },
  { label: "Made", cell: ({ created_at }) => <Ago at={created_at} /> },
  { label: "Ends", cell: ({ expires_at }) => <Ago at={expires_at} /> },
];
