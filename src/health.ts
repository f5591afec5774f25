// Is the process up, and can it do its work? For people, load balancers and alarms.

import { Elysia } from "elysia";
import { z } from "zod";
import type { Services } from "./app.ts";
import { answers } from "./contract.ts";
import { Problem } from "./problem.ts";

const tags = ["System"];

/** `/healthz` and `/readyz`. */
export function healthRoutes({ sql }: Pick<Services, "sql">) {
  return new Elysia({ name: "health" })
    .get("/healthz", () => ({ status: "ok" as const }), {
      response: answers({ 200: z.object({ status: z.literal("ok") }) }, []),
      detail: { tags, summary: "Is the process up?", security: [] },
    })
    .get(
      "/readyz",
      async () => {
        const [row] = await sql<{ value: string }[]>`SELECT value FROM schema_metadata WHERE key = 'schema_version'`;
        if (!row) throw new Problem("unavailable", { detail: "The database has no schema yet." });
        return { status: "ready" as const, schema_version: row.value };
      },
      {
        response: answers({ 200: z.object({ status: z.literal("ready"), schema_version: z.string() }) }, []),
        detail: { tags, summary: "Is the database in reach, with its schema?", security: [] },
      },
    );
}
