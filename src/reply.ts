// How pages and files for readers are sent: security headers, and caches that may keep an answer but must ask
// whether it still holds.

import { sha256 } from "./sha256.ts";

/** What a page for readers may load: styles and pictures. No script at all, from nowhere. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self' https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What is no page loads nothing, should a browser show it as one. */
const FILE_POLICY = "default-src 'none'; frame-ancestors 'none'";

export type ReplyOptions = {
  status?: number;
  headers?: Record<string, string>;
};

/** An HTML page. `html` is a whole `<html>` element; the doctype is put before it. */
export async function page(
  request: Request,
  html: string | Promise<string>,
  options: ReplyOptions = {},
): Promise<Response> {
  return send(request, `<!doctype html>\n${await html}`, "text/html; charset=utf-8", PAGE_POLICY, options);
}

/** Any other text, such as a feed. */
export function file(request: Request, text: string, type: string, options: ReplyOptions = {}): Response {
  return send(request, text, type, FILE_POLICY, options);
}

function send(request: Request, body: string, type: string, policy: string, options: ReplyOptions): Response {
  const { status = 200 } = options;
  const headers = new Headers({
    "cache-control": "no-cache",
    ...options.headers,
    "content-type": type,
    "content-security-policy": policy,
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
  });
  if (status === 200) {
    const tag = entityTag(body);
    headers.set("etag", tag);
    if (isKnown(request, tag)) {
      headers.delete("content-type");
      return new Response(null, { status: 304, headers });
    }
  }
  if (request.method !== "HEAD") return new Response(body, { status, headers });
  headers.set("content-length", String(Buffer.byteLength(body)));
  return new Response(null, { status, headers });
}

function entityTag(body: string): string {
  return `"${sha256(body, "base64url").slice(0, 27)}"`;
}

/** Whether If-None-Match names this very body (weak comparison: proxies that compress weaken the tag). */
function isKnown(request: Request, tag: string): boolean {
  const header = request.headers.get("if-none-match");
  if (header === null) return false;
  const tags = header.split(",").map(candidate => candidate.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(tag);
}
