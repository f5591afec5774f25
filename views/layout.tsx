// The frame of every page for readers: head, header and footer. There is no script in it, and none may be added: the
// pages' security policy lets none run.

import { Html, type PropsWithChildren } from "@kitajs/html";
import { assets } from "./assets.ts";
import { attribute } from "./components/text.tsx";

export const SITE_NAME = "Extrophi";

export type FeedLink = { title: string; href: string };

export type LayoutProps = PropsWithChildren<{
  title: string;
  description?: string;
  /** The page's own absolute address; pages without one are not for search engines. */
  canonical?: string;
  feeds?: readonly FeedLink[];
  /** Further elements of the head. */
  head?: JSX.Element;
}>;

export function Layout({ title, description, canonical, feeds = [], head = "", children }: LayoutProps) {
  const fullTitle = title === SITE_NAME ? title : `${title} · ${SITE_NAME}`;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title safe>{fullTitle}</title>
        {description ? <meta name="description" content={attribute(description)} /> : ""}
        {canonical ? <link rel="canonical" href={attribute(canonical)} /> : <meta name="robots" content="noindex" />}
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" type="image/svg+xml" href={assets.favicon.path} />
        <link rel="stylesheet" href={assets.style.path} />
        {feeds.map(feed => (
          <link rel="alternate" type="application/atom+xml" title={attribute(feed.title)} href={attribute(feed.href)} />
        ))}
        {head}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the text
        </a>
        <header class="site">
          <a class="brand" href="/">
            {SITE_NAME}
          </a>
        </header>
        <main id="main">{children}</main>
        <footer class="site">
          <nav aria-label="About this site">
            <a href="/">About</a>
            <a href="/feed.xml">Feed</a>
            <a href="/openapi">API</a>
          </nav>
        </footer>
      </body>
    </html>
  );
}
