// All pages under /admin, and the page to sign in on.

import { Elysia } from "elysia";
import type { Services } from "../services.ts";
import { changeUserPages } from "./pages/change-user.ts";
import { signInPages } from "./pages/sign-in.ts";
import { userPages } from "./pages/users.ts";

/** `/admin`, whatever is below it, `/sign-in` and `/sign-out`. */
export function adminPages(services: Services) {
  return new Elysia({ name: "admin-pages" })
    .use(signInPages(services))
    .use(userPages(services))
    .use(changeUserPages(services));
}
