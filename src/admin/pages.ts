// All pages under /admin, and the page to sign in on.

import { Elysia } from "elysia";
import type { Services } from "../services.ts";
import { attributionPages } from "./pages/attributions.ts";
import { auditPages } from "./pages/audit.ts";
import { cardAdminPages } from "./pages/cards.ts";
import { changeUserPages } from "./pages/change-user.ts";
import { integrityPages } from "./pages/integrity.ts";
import { ledgerPages } from "./pages/ledger.ts";
import { overviewPages } from "./pages/overview.ts";
import { searchPages } from "./pages/search.ts";
import { sessionPages } from "./pages/sessions.ts";
import { signInPages } from "./pages/sign-in.ts";
import { syncPages } from "./pages/sync.ts";
import { userPages } from "./pages/users.ts";

/** `/admin`, whatever is below it, `/sign-in` and `/sign-out`. */
export function adminPages(services: Services) {
  return new Elysia({ name: "admin-pages" })
    .use(signInPages(services))
    .use(sessionPages(services))
    .use(overviewPages(services))
    .use(userPages(services))
    .use(changeUserPages(services))
    .use(ledgerPages(services))
    .use(cardAdminPages(services))
    .use(attributionPages(services))
    .use(syncPages(services))
    .use(integrityPages(services))
    .use(auditPages(services))
    .use(searchPages(services));
}
