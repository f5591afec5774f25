// How far a check of the books is shows on the page of whichever process somebody looks at.

import { expect, setDefaultTimeout, test } from "bun:test";
import { listRunningChecks } from "../src/ledger/integrity/running.ts";
import { signedIn } from "./admin-page-support.ts";
import { createApi } from "./api-support.ts";
import { select } from "./page-support.ts";
import { startProgram } from "./server.ts";

setDefaultTimeout(60_000);

test("a check that another process runs shows with its progress, and is gone when it is over", async () => {
  const api = await createApi();
  const { get } = await signedIn(api, await api.registerOperator("auditor"));
  const shown = async () => {
    const { html } = await get("/admin/integrity");
    return { text: select(html, "#list > [role=status]")[0]?.text ?? "", bar: select(html, "#list progress")[0] };
  };
  expect(await shown()).toEqual({ text: "", bar: undefined });

  // Lets a check look at everything, and not write down what it found.
  const check = await api.sql.begin(async tx => {
    await tx`LOCK TABLE integrity_heads IN SHARE MODE`;
    const program = startProgram(["src/commands/integrity.ts"], { env: { DATABASE_URL: api.url } });
    while ((await listRunningChecks(api.sql)).length === 0) await Bun.sleep(20);
    const [running] = await listRunningChecks(api.sql);
    expect(running?.what).toBe("all");
    expect(Math.abs(Date.now() - Date.parse(running?.started_at ?? ""))).toBeLessThan(60_000);
    const { text, bar } = await shown();
    expect(text).toContain("Checking everything, since");
    expect(Number(bar?.attributes.value)).toBe(running?.done ?? Number.NaN);
    return program;
  });
  expect(await check.exited).toBe(0);
  expect(await listRunningChecks(api.sql)).toEqual([]);
  expect((await shown()).bar).toBeUndefined();
});

test("names of connections that are not a check's are none", async () => {
  const api = await createApi();
  for (const name of ["extrophi check", "extrophi check all", "extrophi check all 2026-01-01T00:00:00Z <b>%", "psql"]) {
    await api.sql.begin(async tx => {
      await tx`SELECT set_config('application_name', ${name}, true)`;
      expect(await listRunningChecks(api.sql)).toEqual([]);
    });
  }
});
