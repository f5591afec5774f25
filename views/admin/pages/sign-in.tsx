// Where operators sign in. It works without a script.

import { Html } from "@kitajs/html";
import { attribute } from "../../components/text.tsx";
import { type AdminFrame, Document } from "../layout.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";

/** A session that had ended, seen by a form that was sent (`lost`) or by a page that was asked for (`ended`). */
export const ENDED = ["lost", "ended"] as const;
export type Ended = (typeof ENDED)[number];

const WHAT_ENDED: Readonly<Record<Ended, string>> = {
  lost: "Your session had ended, so that nothing was changed. Sign in and do it again.",
  ended: "Your session has ended. Sign in to go on where you were.",
};

export type SignInProps = {
  next: string;
  username: string;
  theme: AdminFrame["theme"];
  ended?: Ended | undefined;
  problem?: ProblemMessage | undefined;
  /** After how long a session ends: without use, and in any case. */
  idleMinutes: number;
  hours: number;
};

export function SignInPage({ next, username, theme, ended, problem, idleMinutes, hours }: SignInProps) {
  return (
    <Document title="Sign in" theme={theme} isScripted={false}>
      <main id="main" class="sign-in">
        <h1>
          Extrophi <span class="soft">admin</span>
        </h1>
        {ended ? (
          <p class="notice warning" role="status" safe>
            {WHAT_ENDED[ended]}
          </p>
        ) : (
          ""
        )}
        {problem ? <ProblemNotice problem={problem} /> : ""}
        <form method="post" action="/sign-in" class="stacked">
          <input type="hidden" name="next" value={attribute(next)} />
          <label>
            <span>Username</span>
            <input
              name="username"
              value={attribute(username)}
              autocomplete="username"
              autocapitalize="none"
              spellcheck="false"
              required
              maxlength="255"
              {...(username ? {} : { autofocus: true })}
            />
          </label>
          <label>
            <span>API key</span>
            <input
              name="api_key"
              type="password"
              autocomplete="current-password"
              required
              maxlength="200"
              {...(username ? { autofocus: true } : {})}
            />
          </label>
          <button type="submit" class="primary">
            Sign in
          </button>
        </form>
        <p class="soft">
          For admins and auditors. A session ends <span safe>{`${idleMinutes} minutes`}</span> after its last use, and{" "}
          <span safe>{`${hours} hours`}</span> after it was begun. A lost admin key is replaced where the server runs:{" "}
          <code>bun run admin-key</code>.
        </p>
      </main>
    </Document>
  );
}
