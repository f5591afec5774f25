// The judge of the crash test is judged: it passes an honest run, and finds each fault that was planted.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { createPool, type Sql } from "../src/db.ts";
import { createApi } from "./api-support.ts";
import type { Finding } from "./crash/judge/finding.ts";
import { PLANTS } from "./crash/plants.ts";
import { judgeRecording, type Recording, runRounds } from "./crash/run.ts";
import { openStage, type Stage } from "./crash/stage.ts";
import { createFolder, startProgram } from "./server.ts";
import { DATA_FOLDER } from "./support.ts";

setDefaultTimeout(120_000);

describe("on what an honest run has left", () => {
  let stage: Stage;
  let recording: Recording;
  let admin: Sql;
  const judgements: Finding[][] = [];
  beforeAll(async () => {
    stage = await openStage(8, {}, DATA_FOLDER);
    recording = await runRounds(stage, {
      ...{ rounds: [1, 2], seed: 20261122, clients: 8 },
      onRound: (_, { findings }) => void judgements.push(findings),
    });
    // What has connections can't be copied.
    stage.server.kill();
    await stage.server.exited;
    await stage.sql.end();
    admin = createPool(stage.url.replace(/\w+$/, "postgres"), { max: 1 });
    // No kill comes any more: the copies that are judged need no disk.
    await admin`ALTER SYSTEM SET fsync = off`;
    await admin`SELECT pg_reload_conf()`;
  });
  afterAll(async () => {
    await admin.end();
    await stage.close();
  });

  /** Judges a copy of it with something planted. */
  async function judgeWith(name: string, tamper: (left: { sql: Sql; journals: string }) => Promise<void>) {
    const database = `planted_${name.replaceAll("-", "_")}`;
    await admin`CREATE DATABASE ${admin(database)} TEMPLATE extrophi STRATEGY file_copy`;
    const journals = createFolder();
    cpSync(join(stage.folder, "journals"), journals, { recursive: true });
    const url = stage.url.replace(/\w+$/, database);
    const sql = createPool(url, { max: 2 });
    try {
      await tamper({ sql, journals });
      const { call } = await createApi({}, { sql, url, pool: sql });
      const askForStats = async (key: string) => {
        const { status, text } = await call("GET", "/api/stats", { key });
        return new Response(text, { status });
      };
      const accounts = [...stage.writers, stage.operator];
      return await judgeRecording({ sql, url, accounts, askForStats }, recording, journals);
    } finally {
      await sql.end();
      await admin`DROP DATABASE ${admin(database)} WITH (FORCE)`;
    }
  }

  test("it finds nothing, and counts the kills", async () => {
    expect(judgements).toEqual([[], []]);
    const { findings, kills, answered } = await judgeWith("nothing", async () => {});
    expect(findings).toEqual([]);
    expect([kills.server, kills.postgres]).toEqual([1, 1]);
    expect(answered).toBeGreaterThan(100);
  });

  for (const { name, describe, shows, tamper } of PLANTS) {
    if (!tamper) continue;
    test(`it finds ${describe}`, async () => {
      const { findings } = await judgeWith(name, tamper);
      expect([shows, findings.map(({ kind }) => kind)]).toEqual([shows, expect.arrayContaining([shows])]);
    });
  }
});

describe("while it runs", () => {
  for (const { name, describe, shows, orShows = shows, live } of PLANTS) {
    if (!live) continue;
    test(`it finds ${describe}`, async () => {
      const program = startProgram(["tests/crash/main.ts", "--plant", name, "--clients", "4", "--seed", "7"], {
        env: { TMPDIR: DATA_FOLDER },
      });
      expect(await program.exited).toBe(1);
      expect(program.stdout()).toMatch(new RegExp(`^✗ (${shows}|${orShows}): `, "m"));
    });
  }
});
