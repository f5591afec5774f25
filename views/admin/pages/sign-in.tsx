// Where operators sign in. It works without a script.

import { Html } from "@kitajs/html";
import { attribute } from "../../components/text.tsx";
import { type AdminFrame, Document } from "../layout.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";

export type SignInProps = {
  next: string;
  username: string;
  theme: AdminFrame["theme"];
  /** Whether a form was sent without a session. */
  isLost: boolean;
  problem?: ProblemMessage | undefined;
};

export function SignInPage({ next, username, theme, isLost, problem }: SignInProps) {
  return (
    <Document title="Sign in" theme={theme} isScripted={false}>
      <main id="main" class="sign-in">
        <h1>
          Extrophi <span class="soft">admin</span>
        </h1>
        {isLost ? (
          <p class="notice warning" role="status">
            Your session had ended, so that nothing was changed. Sign in and do it again.
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
          For admins and auditors. A lost admin key is replaced where the server runs: <code>bun run admin-key</code>.
        </p>
      </main>
    </Document>
  );
}
