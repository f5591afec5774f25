// The page of one's own sessions: where one is signed in, until when, and how to end it.

import { Elysia } from "elysia";
import { SessionsPage } from "../../../views/admin/pages/sessions.tsx";
import { endListedSession, IDLE_MINUTES, listSessions, SESSION_HOURS } from "../../auth/session.ts";
import { readToken } from "../../auth/session-cookie.ts";
import { Problem } from "../../problem.ts";
import type { Services } from "../../services.ts";
import { isSecure, operatorPages, type View, type Visit } from "./operator-pages.ts";
import { redirect } from "./reply.ts";

const hidden = { detail: { hide: true } };

/** `/admin/sessions`. */
export function sessionPages(services: Services) {
  const { sql, baseUrlOf } = services;
  const pages = operatorPages(services);

  async function view({ request, operator }: Visit): Promise<View> {
    const token = readToken(request, isSecure(baseUrlOf(request)));
    if (token === undefined) throw new Problem("unauthenticated");
    const sessions = await listSessions(sql, operator.caller.userId, token);
    const body = SessionsPage({ sessions, idleMinutes: IDLE_MINUTES, hours: SESSION_HOURS });
    return { title: "Your sessions", section: "none", body };
  }

  async function end({ form, operator }: Visit): Promise<Response> {
    await endListedSession(sql, operator.caller.userId, form.session ?? "");
    return redirect("/admin/sessions");
  }

  return new Elysia({ name: "session-pages" })
    .get("/admin/sessions", async ({ request }) => pages.read(request, view), hidden)
    .post("/admin/sessions", async ({ request, body }) => pages.own(request, body, end), hidden);
}
