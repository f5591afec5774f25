// What every admin page has in common: whoever asks has a session, or is sent to sign in; what a form changes was sent
// from here; and what goes wrong is told in the page's own frame, in words that an operator can act on.

import { type AdminFrame, AdminLayout, type Section } from "../../../views/admin/layout.tsx";
import { ProblemNotice } from "../../../views/admin/notices.tsx";
import { UnreadableBody } from "../../auth/guard.ts";
import { requireRole } from "../../auth/operator.ts";
import { type Operator, resumeSession } from "../../auth/session.ts";
import { readCookie, readToken, requireSameOrigin, sessionCookie } from "../../auth/session-cookie.ts";
import { problemOf } from "../../db.ts";
import { Problem } from "../../problem.ts";
import { stateOf } from "../../request-state.ts";
import type { Services } from "../../services.ts";
import { explainIdle } from "./issues.ts";
import { problemView } from "./problem-view.ts";
import { adminPage, redirect } from "./reply.ts";

/** A request of somebody who is signed in. */
export type Visit = Readonly<{
  request: Request;
  url: URL;
  operator: Operator;
  requestId: string;
  /** The fields of the form; none where the request brought no form. */
  form: Readonly<Record<string, string>>;
}>;

/** What a page shows within the frame. */
export type View = Readonly<{
  title: string;
  section: Section;
  body: JSX.Element;
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Parameters that the page has; "checked": it has told itself of those that it does not know. None unless said. */
  parameters?: readonly string[] | "checked";
}>;

type Make = (visit: Visit) => Promise<View | Response>;

export type OperatorPages = Readonly<{
  /** Answers with a page for admins and auditors. */
  read(request: Request, make: Make): Promise<Response>;
  /** Answers with a form by which an admin changes something. Nobody else is shown it: it would be refused in the end. */
  open(request: Request, make: Make): Promise<Response>;
  /** Answers to such a form. */
  write(request: Request, body: unknown, make: Make): Promise<Response>;
  /** Answers to a form that concerns nobody but the operator: signing out, choosing colours. */
  own(request: Request, body: unknown, make: Make): Promise<Response>;
}>;

/** As lists answer, whose schema refuses what it does not know. */
const IDLE_PARAMETER_STATUS = 422;

/** What routes of admin pages answer through. */
export function operatorPages({ sql, baseUrlOf }: Services): OperatorPages {
  async function answer(request: Request, make: Make): Promise<Response> {
    const startedMs = performance.now();
    const secure = isSecure(baseUrlOf(request));
    const token = readToken(request, secure);
    const url = new URL(request.url);
    let operator: Operator | undefined;
    try {
      if (token === undefined) return askToSignIn(request, url, { hadSession: false, secure });
      operator = await resumeSession(sql, token);
      const state = stateOf(request);
      state.caller = operator.caller;
      state.callerConfirmed = true;
      const made = await make({ request, url, operator, requestId: state.id, form: {} });
      return made instanceof Response ? made : send(made, operator);
    } catch (error) {
      const problem = error instanceof Problem ? error : problemOf(error);
      if (!problem || problem.status >= 500) throw error;
      if (problem.slug === "unauthenticated" || operator === undefined)
        return askToSignIn(request, url, { hadSession: true, secure });
      return send(problemView(problem, request.method, url.pathname), operator);
    }

    function send(view: View, { username, role, endsAt }: Operator): Promise<Response> {
      const { title, section, body, status = 200, headers = {}, parameters = [] } = view;
      const idle = isReading(request) ? explainIdle(url, parameters) : undefined;
      const frame: AdminFrame = {
        title,
        section,
        username,
        role,
        sessionEndsAt: endsAt,
        theme: themeOf(request),
        address: url.pathname + url.search,
        search: url.pathname === "/admin/search" ? (url.searchParams.get("q") ?? "") : "",
        tookMs: performance.now() - startedMs,
      };
      const children = idle ? [ProblemNotice({ problem: idle }), body] : body;
      return adminPage(request, AdminLayout({ ...frame, children }), {
        status: idle && status === 200 ? IDLE_PARAMETER_STATUS : status,
        tookMs: frame.tookMs,
        headers,
      });
    }
  }

  /** A form's fields are looked at when it is known who sent it, and from where. */
  function withForm(request: Request, body: unknown, make: Make): Promise<Response> {
    return answer(request, async visit => {
      requireSameOrigin(request);
      if (body instanceof UnreadableBody) throw body.problem;
      return make({ ...visit, form: (body ?? {}) as Record<string, string> });
    });
  }

  const forAdmins =
    (make: Make): Make =>
    async visit => {
      requireRole(visit.operator, "write");
      return make(visit);
    };

  return {
    read: answer,
    open: (request, make) => answer(request, forAdmins(make)),
    own: withForm,
    write: (request, body, make) => withForm(request, body, forAdmins(make)),
  };
}

/** Whether a part of a page asks, which shows something meanwhile and may wait. */
export function isAskedByScript(request: Request): boolean {
  return request.headers.get("hx-request") === "true";
}

/** Whether cookies travel over https only. */
export function isSecure(baseUrl: string): boolean {
  return baseUrl.startsWith("https:");
}

function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** Where somebody without a session goes; afterwards they come back to what they wanted to see. */
function askToSignIn(
  request: Request,
  url: URL,
  { hadSession, secure }: { hadSession: boolean; secure: boolean },
): Response {
  const isForm = request.method === "POST";
  // What a script asks for in place of a part of the page is a page as well: the same one with another filter, say.
  const wanted = isForm ? pathOf(request.headers.get("referer")) : safePath(url.pathname + url.search);
  const isPartial = isAskedByScript(request);
  const query = new URLSearchParams({ next: wanted ?? "/admin" });
  if (isForm) query.set("lost", "1");
  else if (hadSession) query.set("ended", "1");
  const address = `/sign-in?${query}`;
  // A redirect would be followed by the script, and the sign-in page put into the middle of another one.
  if (isPartial)
    return new Response(null, { status: 401, headers: { "hx-redirect": address, "cache-control": "no-store" } });
  // Without a cookie there is none to take away: the browser may have one that it did not send along with another site's form.
  return redirect(address, hadSession ? { "set-cookie": sessionCookie(undefined, secure) } : {});
}

function pathOf(address: string | null): string | undefined {
  const url = address === null ? null : URL.parse(address);
  return url ? safePath(url.pathname + url.search) : undefined;
}

/** A path of the admin pages; undefined for anything else, which nobody is sent to after signing in. */
export function safePath(path: string): string | undefined {
  return /^\/admin([/?][\x21-\x5b\x5d-\x7e]*)?$/.test(path) ? path : undefined;
}

/** The colours that a browser was told to keep. */
export function themeOf(request: Request): AdminFrame["theme"] {
  const value = readCookie(request, "theme");
  return value === "light" || value === "dark" ? value : "system";
}
