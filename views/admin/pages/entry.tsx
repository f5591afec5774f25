// One entry: what moved, with which other leg, who asked for it and why, and what proves that it is as it was.

import { Html } from "@kitajs/html";
import type { AuditRecord } from "../../../src/admin/audit-model.ts";
import type { EntryView } from "../../../src/admin/ledger-model.ts";
import { attribute } from "../../components/text.tsx";
import { DoneNotice, type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { Ago, Badge, CardLink, Exactly, type Fact, Facts, grouped, Id, Money, UserLink, words } from "../pieces.tsx";
import { type BalanceChange, BeforeAfter, ReasonField } from "./change-user.tsx";

type CardReferred = Parameters<typeof CardLink>[0]["card"];

export type EntryProps = {
  entry: EntryView;
  /** What an operator did to make it; undefined: no operator did. */
  record: AuditRecord | undefined;
  /** The card that it is about; undefined: about none. */
  card: CardReferred | undefined;
  isProven: boolean;
  canReverse: boolean;
  /** Why it can't be, where that is not to be seen anyway. */
  hindrance: string | undefined;
  isDone: boolean;
};

export function EntryPage({ entry, record, card, isProven, canReverse, hindrance, isDone }: EntryProps) {
  const path = `/admin/ledger/${encodeURIComponent(entry.id)}`;
  return (
    <>
      <header class="head">
        <h1>
          Entry <span safe>{`#${entry.id}`}</span>
        </h1>
        <p class="figure">
          <span class="soft" safe>
            {words(entry.transaction_type)}
          </span>
          <strong>
            <Money value={entry.amount} isSigned={true} />
          </strong>
        </p>
      </header>
      {isDone ? (
        <DoneNotice>
          The movement of <EntryLink id={entry.reverses_id ?? entry.id} /> was reversed by this one.
        </DoneNotice>
      ) : (
        ""
      )}
      <nav class="actions" aria-label="This entry">
        {canReverse ? (
          <a class="button danger" href={`${path}/reverse`}>
            Reverse
          </a>
        ) : (
          ""
        )}
        {hindrance ? (
          <span class="soft" safe>
            {hindrance}
          </span>
        ) : (
          ""
        )}
        {entry.reversed_by ? (
          <span>
            <Badge tone="warn">reversed</Badge> by <EntryLink id={entry.reversed_by} />
          </span>
        ) : (
          ""
        )}
        {entry.reverses_id ? (
          <span>
            <Badge tone="warn">reversal</Badge> of <EntryLink id={entry.reverses_id} />
          </span>
        ) : (
          ""
        )}
      </nav>
      <Facts
        facts={[
          ["User", <UserLink id={entry.user.id} username={entry.user.username} />],
          ["When", <Exactly at={entry.created_at} />],
          [
            "Balance before",
            <span class="money" safe>
              {grouped(entry.balance_before)}
            </span>,
          ],
          [
            "Balance after",
            <span class="money" safe>
              {grouped(entry.balance_after)}
            </span>,
          ],
          ["Number", <span safe>{`${entry.user_seq} of the account, leg ${entry.leg}`}</span>],
          ["Movement", <Id value={entry.transaction_id} label="the movement's id" />],
          ...aboutFacts(entry, card),
        ]}
      />
      <section aria-labelledby="other-leg">
        <h2 id="other-leg">The other leg</h2>
        {entry.sibling ? (
          <Facts
            facts={[
              ["Entry", entry.sibling_id ? <EntryLink id={entry.sibling_id} /> : <span>gone</span>],
              ["User", <UserLink id={entry.sibling.user.id} username={entry.sibling.user.username} />],
              ["Type", <span safe>{words(entry.sibling.transaction_type)}</span>],
              ["Amount", <Money value={entry.sibling.amount} isSigned={true} />],
              ["Hash", <Id value={entry.sibling.entry_hash} label="the hash" />],
            ]}
          />
        ) : (
          <p class="empty">There is none: this movement issued or burned tokens.</p>
        )}
      </section>
      {record ? <Request record={record} /> : ""}
      <section aria-labelledby="proof">
        <h2 id="proof">
          Proof {isProven ? <Badge tone="good">the hash is right</Badge> : <Badge tone="bad">the hash is wrong</Badge>}
        </h2>
        <div class="wide">
          <Facts
            facts={[
              ["Hash", <Id value={entry.entry_hash} short={false} label="the hash" />],
              ["Before it", <Id value={entry.prev_hash} short={false} label="the hash before" />],
            ]}
          />
        </div>
        <details class="as-table">
          <summary>The text that is hashed</summary>
          <pre safe>{entry.canonical_text}</pre>
        </details>
      </section>
    </>
  );
}

function aboutFacts(entry: EntryView, card: CardReferred | undefined): Fact[] {
  const { attribution_id, description, note, idempotency_key } = entry;
  const facts: Fact[] = [];
  if (card) facts.push(["Card", <CardLink card={card} />]);
  if (attribution_id) {
    const href = `/admin/ledger?attribution_id=${encodeURIComponent(attribution_id)}`;
    facts.push([
      "Attribution",
      <>
        <Id value={attribution_id} label="the attribution's id" /> <a href={href}>all its entries</a>
      </>,
    ]);
  }
  if (description) facts.push(["Description", <span safe>{description}</span>]);
  if (note)
    facts.push([
      "Note",
      <span class="quoted" dir="auto" safe>
        {note}
      </span>,
    ]);
  if (idempotency_key) facts.push(["Idempotency", <code safe>{idempotency_key}</code>]);
  return facts;
}

function Request({ record }: { record: AuditRecord }) {
  return (
    <section aria-labelledby="request">
      <h2 id="request">Who asked for it</h2>
      <Facts
        facts={[
          ["Operator", <UserLink id={record.actor_id} username={record.actor_username} />],
          ["When", <Ago at={record.at} />],
          [
            "Reason",
            <span class="quoted" dir="auto" safe>
              {record.reason ?? "erased"}
            </span>,
          ],
          ["Request", <Id value={record.request_id} short={false} label="the request's id" />],
        ]}
      />
    </section>
  );
}

function EntryLink({ id }: { id: string }) {
  return (
    <a href={`/admin/ledger/${encodeURIComponent(id)}`} safe>
      {`#${id}`}
    </a>
  );
}

export type LegBalance = BalanceChange;

export type ReverseProps = {
  entry: EntryView;
  legs: readonly LegBalance[];
  reason: string;
  idempotencyKey: string;
  problem?: ProblemMessage | undefined;
};

/** What a reversal does to every account of the movement, before it is done. */
export function ReversePage({ entry, legs, reason, idempotencyKey, problem }: ReverseProps) {
  const path = `/admin/ledger/${encodeURIComponent(entry.id)}`;
  return (
    <div class="narrow">
      <h1>
        Reverse entry <span safe>{`#${entry.id}`}</span>
      </h1>
      {problem ? <ProblemNotice problem={problem} /> : ""}
      <p>
        The opposite of each leg is posted, once and for all: a reversal can't be reversed. An attribution stays, marked
        as reversed.
      </p>
      <BeforeAfter rows={legs} />
      <form method="post" action={`${path}/reverse`} class="stacked" data-once>
        <input type="hidden" name="idempotency_key" value={attribute(idempotencyKey)} />
        <ReasonField value={reason} isFirst={true} />
        <div class="actions">
          <button type="submit" class="danger">
            Reverse the movement
          </button>
          <a href={path}>Cancel</a>
        </div>
      </form>
    </div>
  );
}
