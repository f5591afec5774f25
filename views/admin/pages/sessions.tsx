// Where an operator is signed in: each session with its ends, and a button that ends it now.

import { Html } from "@kitajs/html";
import { attribute } from "../../components/text.tsx";
import { Ago, Badge } from "../pieces.tsx";
import { type Column, DataTable } from "../table.tsx";

type Session = Readonly<{ id: string; begun_at: string; used_at: string; ends_at: string; is_this: boolean }>;

export type SessionsProps = { sessions: readonly Session[]; idleMinutes: number; hours: number };

export function SessionsPage({ sessions, idleMinutes, hours }: SessionsProps) {
  return (
    <>
      <h1>Your sessions</h1>
      <p class="soft">
        A session ends <span safe>{`${idleMinutes} minutes`}</span> after its last use,{" "}
        <span safe>{`${hours} hours`}</span> after it was begun, and together with its key.
      </p>
      <DataTable caption="Your sessions, the last used first" columns={columns} rows={sessions} empty="None." />
      <form method="post" action="/sign-out" class="after">
        <button type="submit" name="everywhere" value="1">
          Sign out everywhere
        </button>
      </form>
    </>
  );
}

const columns: readonly Column<Session>[] = [
  {
    label: "Begun",
    isName: true,
    cell: ({ begun_at, is_this }) => (
      <>
        <Ago at={begun_at} /> {is_this ? <Badge tone="good">this one</Badge> : ""}
      </>
    ),
  },
  { label: "Last used", cell: ({ used_at }) => <Ago at={used_at} /> },
  { label: "Ends by", cell: ({ ends_at }) => <Ago at={ends_at} /> },
  { label: "End", cell: ({ id, is_this }) => <EndButton id={id} isThis={is_this} /> },
];

function EndButton({ id, isThis }: { id: string; isThis: boolean }) {
  return (
    <form method="post" action={isThis ? "/sign-out" : "/admin/sessions"}>
      <button type="submit" name="session" value={attribute(id)}>
        {isThis ? "Sign out" : "End it"}
      </button>
    </form>
  );
}
