// Is the process up, and can it do its work? For people, load balancers and alarms.

import { semver } from "bun";
import { Elysia } from "elysia";
import { z } from "zod";
import snapshot from "../migrations/schema.snapshot.json";
import { answers } from "./contract.ts";
import { Problem } from "./problem.ts";
import type { Services } from "./services.ts";

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
        // A server that was updated before this one may have taken the schema further; it stays compatible within a major version.
        if (!row || !semver.satisfies(row.value, `^${snapshot.version}`)) {
          throw new Problem("unavailable", {
            detail: `The schema is at version ${row?.value ?? "none"} and this server needs ${snapshot.version}: run \`bun run migrate apply\`.`,
          });
        }
        return { status: "ready" as const, schema_version: row.value };
      },
      {
        response: answers({ 200: z.object({ status: z.literal("ready"), schema_version: z.string() }) }, []),
        detail: { tags, summary: "Is the database in reach, with its schema?", security: [] },
      },
    );
}
