// How a session travels: a cookie that no script can read and no other site's form brings along, and the check that a
// form was sent by a page of this very server.

import { Problem } from "../problem.ts";
import { SESSION_HOURS } from "./session.ts";

/** Over https the prefix makes browsers refuse the cookie from anywhere but this host, and without Secure. */
const NAME = "extrophi_session";
const nameOf = (isSecure: boolean) => (isSecure ? `__Host-${NAME}` : NAME);

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The value of a cookie; undefined where there is none, or where there are several: one of them may be somebody else's, set
 * for this host by a neighbour.
 */
export function readCookie(request: Request, name: string): string | undefined {
  const values = new Set<string | undefined>();
  for (const pair of request.headers.get("cookie")?.split(";") ?? []) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name) values.add(value);
  }
  const [only] = values;
  return values.size === 1 ? only : undefined;
}

/** The session's token; undefined where the cookie is missing or holds something else. */
export function readToken(request: Request, isSecure: boolean): string | undefined {
  const value = readCookie(request, nameOf(isSecure));
  return value !== undefined && TOKEN.test(value) ? value : undefined;
}

/** The Set-Cookie header that gives the browser its session, or takes it (undefined). */
export function sessionCookie(token: string | undefined, isSecure: boolean): string {
  const age = token === undefined ? 0 : SESSION_HOURS * 3600;
  const secure = isSecure ? "; Secure" : "";
  return `${nameOf(isSecure)}=${token ?? ""}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}`;
}

/**
 * Refuses what another site had the browser send. Every browser that is in use says so in Sec-Fetch-Site, over plain
 * http in Origin; what says neither is no browser's form. Throws `forbidden`.
 */
export function requireSameOrigin(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const isOwn = site === null ? isOwnOrigin(origin, request.headers.get("host")) : site === "same-origin";
  if (!isOwn) {
    throw new Problem("forbidden", {
      detail: "This form was not sent from a page of this server. Nothing was changed.",
    });
  }
}

function isOwnOrigin(origin: string | null, host: string | null): boolean {
  return origin !== null && host !== null && URL.parse(origin)?.host === host;
}
