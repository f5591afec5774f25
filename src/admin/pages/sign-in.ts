// Signing in and out, and what an operator chooses for the pages.

import { Elysia } from "elysia";
import { ENDED, type Ended, SignInPage } from "../../../views/admin/pages/sign-in.tsx";
import { UnreadableBody } from "../../auth/guard.ts";
import {
  beginSession,
  endSession,
  endSessionsOf,
  IDLE_MINUTES,
  resumeSession,
  SESSION_HOURS,
} from "../../auth/session.ts";
import { readToken, requireSameOrigin, sessionCookie } from "../../auth/session-cookie.ts";
import { Problem } from "../../problem.ts";
import type { Services } from "../../services.ts";
import { isSecure, operatorPages, safePath, themeOf } from "./operator-pages.ts";
import { messageOf } from "./problem-view.ts";
import { adminPage, redirect } from "./reply.ts";

const hidden = { detail: { hide: true } };
const THEME_SECONDS = 31_536_000;
/** Longer ones are no name and no key. */
const FIELD_CHARACTERS_MAX = 255;

type Asked = { username: string; next: string; ended?: Ended; problem?: Problem };

/** `/sign-in`, `/sign-out`, `/admin/theme`. */
export function signInPages(services: Services) {
  const { sql, gatekeeper, baseUrlOf } = services;
  const pages = operatorPages(services);
  const secureFor = (request: Request) => isSecure(baseUrlOf(request));

  function form(request: Request, { username, next, ended, problem }: Asked): Promise<Response> {
    const html = SignInPage({
      username,
      next,
      ended,
      theme: themeOf(request),
      problem: problem && explain(problem),
      idleMinutes: IDLE_MINUTES,
      hours: SESSION_HOURS,
    });
    return adminPage(request, html, { status: problem?.status ?? 200, headers: { ...problem?.options.headers } });
  }

  async function signIn(
    request: Request,
    server: Parameters<typeof gatekeeper.addressOf>[0]["server"],
    fields: Record<string, string>,
  ): Promise<Response> {
    const { username = "", api_key = "" } = fields;
    const next = safePath(fields.next ?? "") ?? "/admin";
    try {
      requireSameOrigin(request);
      if (username.length > FIELD_CHARACTERS_MAX || api_key.length > FIELD_CHARACTERS_MAX || username.includes("\0")) {
        throw new Problem("unauthenticated");
      }
      const caller = await gatekeeper.admitToSession({ request, server }, username.trim(), api_key.trim());
      const before = readToken(request, secureFor(request));
      if (before !== undefined) await endSession(sql, before);
      return redirect(next, { "set-cookie": sessionCookie(await beginSession(sql, caller), secureFor(request)) });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      return form(request, { username: username.slice(0, FIELD_CHARACTERS_MAX), next, problem });
    }
  }

  return new Elysia({ name: "sign-in" })
    .get(
      "/sign-in",
      async ({ request }) => {
        const { searchParams } = new URL(request.url);
        const next = safePath(searchParams.get("next") ?? "") ?? "/admin";
        const token = readToken(request, secureFor(request));
        const isSignedIn = token !== undefined && (await resumeSession(sql, token).catch(noSession));
        if (isSignedIn) return redirect(next);
        const ended = ENDED.find(name => searchParams.has(name));
        return form(request, { username: "", next, ...(ended ? { ended } : {}) });
      },
      hidden,
    )
    .post(
      "/sign-in",
      async ({ request, server, body }) => {
        if (body instanceof UnreadableBody) throw body.problem;
        return signIn(request, server, (body ?? {}) as Record<string, string>);
      },
      hidden,
    )
    .post(
      "/sign-out",
      async ({ request, body }) =>
        pages.own(request, body, async ({ operator, form }) => {
          const token = readToken(request, secureFor(request));
          if (form.everywhere === "1") await endSessionsOf(sql, operator.caller.userId);
          else if (token !== undefined) await endSession(sql, token);
          return redirect("/sign-in", { "set-cookie": sessionCookie(undefined, secureFor(request)) });
        }),
      hidden,
    )
    .post(
      "/admin/theme",
      async ({ request, body }) =>
        pages.own(request, body, async ({ form }) => {
          const theme = form.theme === "light" || form.theme === "dark" ? form.theme : "system";
          return redirect(safePath(form.next ?? "") ?? "/admin", {
            "set-cookie": `theme=${theme}; Path=/; Max-Age=${THEME_SECONDS}; HttpOnly; SameSite=Lax`,
          });
        }),
      hidden,
    );
}

function noSession(error: unknown): undefined {
  if (error instanceof Problem && error.status < 500) return undefined;
  throw error;
}

/** What is said of a refused sign-in: never which part of it was wrong. */
function explain(problem: Problem) {
  if (problem.slug !== "unauthenticated") return messageOf(problem);
  return {
    title: "That did not work",
    detail: "Username and key do not belong together, or the key is no longer good.",
    errors: [],
  };
}
