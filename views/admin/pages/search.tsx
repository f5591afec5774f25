// What the search box found, where it is more than one thing, or nothing.

import { Html } from "@kitajs/html";
import { TITLE_QUERY_CHARACTERS_MAX } from "../../../src/admin/cards-model.ts";
import type { Found } from "../../../src/admin/search-model.ts";
import { hrefWith } from "../address.ts";
import type { Field } from "../filters.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";
import { beginningOf, CardLink, UserLink } from "../pieces.tsx";
import { DeviceLink } from "./sync.tsx";

const FIELDS: readonly Field[] = [{ kind: "text", name: "q", label: "Text" }];

export type SearchProps = {
  text: string;
  /** Undefined: the problem says why. */
  found: Found | undefined;
  problem: ProblemMessage | undefined;
};

export function SearchPage({ text, found, problem }: SearchProps) {
  return (
    <>
      <h1>
        Search for{" "}
        <q class="clip" safe>
          {text}
        </q>
      </h1>
      {problem ? <ProblemNotice problem={problem} fields={FIELDS} /> : ""}
      {found ? <Groups found={found} text={text} /> : ""}
    </>
  );
}

/** As much of a text as titles are looked through for: the word that is cut through is found by its beginning. */
function soughtOf(text: string): string {
  return [...text].slice(0, TITLE_QUERY_CHARACTERS_MAX).join("");
}

function Groups({ found, text }: { found: Found; text: string }) {
  const { accounts, cards, entries, attributions, devices, requests } = found;
  const isEmpty = Object.values(found).every(group => group.length === 0);
  return (
    <>
      {isEmpty ? (
        <p class="empty">
          Nothing has this id, name or slug. Names of accounts, their e-mail addresses and ids are found by how they
          begin, everything else by the whole of it.{" "}
          <a href={hrefWith("/admin/cards", { q: soughtOf(text) }, {})}>Look for it in the titles of cards.</a>
        </p>
      ) : (
        ""
      )}
      <Group
        title="Accounts"
        links={accounts.map(({ id, username, display_name }) => (
          <>
            <UserLink id={id} username={username} />{" "}
            <span class="soft" safe>
              {beginningOf(display_name ?? "")}
            </span>
          </>
        ))}
      />
      <Group title="Cards" links={cards.map(card => <CardLink card={card} />)} />
      <Group
        title="Entries"
        links={entries.map(id => (
          <a href={`/admin/ledger/${encodeURIComponent(id)}`} safe>
            {`#${id}`}
          </a>
        ))}
      />
      <Group
        title="Attributions"
        links={attributions.map(id => (
          <a href={`/admin/ledger?attribution_id=${encodeURIComponent(id)}`} safe>
            {id}
          </a>
        ))}
      />
      <Group
        title="Devices"
        links={devices.map(({ client_id, user }) => (
          <>
            <DeviceLink user={user.id} device={{ client_id }} /> of <UserLink id={user.id} username={user.username} />
          </>
        ))}
      />
      <Group
        title="Requests of operators"
        links={requests.map(request_id => (
          <a href={hrefWith("/admin/audit", { request_id }, {})} safe>
            {request_id}
          </a>
        ))}
      />
    </>
  );
}

function Group({ title, links }: { title: string; links: readonly JSX.Element[] }) {
  if (links.length === 0) return "";
  return (
    <section aria-label={title}>
      <h2 safe>{title}</h2>
      <ul class="found">
        {links.map(link => (
          <li>{link}</li>
        ))}
      </ul>
    </section>
  );
}
