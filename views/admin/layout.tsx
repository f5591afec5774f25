// The frame of every admin page: where one is, where one can go, whom one is signed in as, and the one search box.

import { Html, type PropsWithChildren } from "@kitajs/html";
import { assets } from "../assets.ts";
import { attribute } from "../components/text.tsx";
import { KeysDialog } from "./keys-dialog.tsx";

/** The parts of the admin pages, in the order of the menu; `key` follows a `g`. */
export const SECTIONS = [
  { name: "overview", title: "Overview", path: "/admin", key: "o" },
  { name: "users", title: "Users", path: "/admin/users", key: "u" },
  { name: "ledger", title: "Ledger", path: "/admin/ledger", key: "l" },
  { name: "cards", title: "Cards", path: "/admin/cards", key: "c" },
  { name: "attributions", title: "Attributions", path: "/admin/attributions", key: "a" },
  { name: "sync", title: "Sync", path: "/admin/sync", key: "s" },
  { name: "integrity", title: "Integrity", path: "/admin/integrity", key: "i" },
  { name: "audit", title: "Audit log", path: "/admin/audit", key: "d" },
] as const;
export type Section = (typeof SECTIONS)[number]["name"] | "none";

export type AdminFrame = {
  title: string;
  section: Section;
  username: string;
  role: string;
  /** When the session is over at the latest. */
  sessionEndsAt: string;
  theme: "light" | "dark" | "system";
  /** The page's own path and query, to come back to. */
  address: string;
  search: string;
  tookMs: number;
};

/** Above this somebody waits, and is told why (ms). */
const SLOW_MS = 1_000;

export function AdminLayout(frame: PropsWithChildren<AdminFrame>) {
  const { title, section, children, tookMs } = frame;
  return (
    <Document title={title} theme={frame.theme} isScripted={true}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <a class="brand" href="/admin">
          Extrophi <span class="soft">admin</span>
        </a>
        <search>
          <form action="/admin/search" method="get">
            <input
              type="search"
              name="q"
              id="search"
              value={attribute(frame.search)}
              maxlength="255"
              autocomplete="off"
              placeholder="Find any id, name or slug"
              aria-label="Find any id, name or slug"
              aria-keyshortcuts="/"
            />
          </form>
        </search>
        <AccountMenu {...frame} />
      </header>
      <nav class="menu" aria-label="Admin">
        {SECTIONS.map(({ name, title, path, key }) => (
          <a href={path} data-key={key} {...(name === section ? { "aria-current": "page" } : {})}>
            {title}
          </a>
        ))}
      </nav>
      <main id="main" tabindex="-1">
        {/* Where the script tells that a list could not be had. */}
        <div id="trouble" role="alert" />
        <div id="slow" role="status">
          {tookMs > SLOW_MS ? (
            <p class="notice warning">
              This page took <span safe>{(tookMs / 1000).toFixed(1)}</span> s. A shorter time, a user or a card in the
              filter makes it faster.
            </p>
          ) : (
            ""
          )}
        </div>
        {children}
      </main>
      <footer class="foot">
        <span>
          Made in <span safe>{Math.ceil(tookMs).toString()}</span> ms. All days are UTC.
        </span>
        <button type="button" class="link needs-script" data-opens="keys">
          Keys <kbd>?</kbd>
        </button>
      </footer>
      <KeysDialog sections={SECTIONS} />
    </Document>
  );
}

export type DocumentProps = PropsWithChildren<{ title: string; theme: AdminFrame["theme"]; isScripted: boolean }>;

/** The whole document, also of the page to sign in on, which has no frame and needs no script. */
export function Document({ title, theme, isScripted, children }: DocumentProps) {
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content={theme === "system" ? "light dark" : theme} />
        <title safe>{`${title} · Extrophi admin`}</title>
        <link rel="icon" type="image/svg+xml" href={assets.favicon.path} />
        <link rel="stylesheet" href={assets.admin.path} />
        {isScripted ? (
          <>
            <meta
              name="htmx-config"
              content='{"history":"reload","includeIndicatorCSS":false,"defaultTimeout":30000,"noSwap":[204,304,"40x","41x","429","5xx"]}'
            />
            <script src={assets.htmx.path} defer />
            <script src={assets.adminScript.path} defer />
          </>
        ) : (
          ""
        )}
      </head>
      <body class={isScripted ? "framed" : "bare"}>{children}</body>
    </html>
  );
}

function AccountMenu({ username, role, sessionEndsAt, theme, address }: AdminFrame) {
  return (
    <>
      <button type="button" class="account" popovertarget="account">
        <bdi safe>{username}</bdi>{" "}
        <span class="badge" safe>
          {role}
        </span>
      </button>
      <div id="account" class="popover" popover="auto">
        <form method="post" action="/admin/theme" class="choices">
          <input type="hidden" name="next" value={attribute(address)} />
          <span id="colours">Colours</span>
          {(["light", "dark", "system"] as const).map(choice => (
            <button type="submit" name="theme" value={choice} aria-pressed={choice === theme ? "true" : "false"}>
              {choice}
            </button>
          ))}
        </form>
        <form method="post" action="/sign-out">
          <button type="submit">Sign out</button>
          <a href="/admin/sessions">Your sessions</a>
        </form>
        <small>
          This one ends at <span safe>{sessionEndsAt.slice(11, 16)}</span> UTC at the latest.
        </small>
      </div>
    </>
  );
}
