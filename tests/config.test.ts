// The environment: what each variable takes, and one message that names every bad one and repeats no secret.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { generateKey } from "../src/auth/key.ts";
import { ConfigError, readConfig } from "../src/config.ts";
import { startProgram } from "./server.ts";

/** The names in the message with which an environment is refused; none where it is taken. */
function refused(env: Record<string, string>): string[] {
  return [...messageFor(env).matchAll(/^ {2}([A-Z_]+): \S/gm)].map(match => match[1] ?? "").toSorted();
}

function messageFor(env: Record<string, string>): string {
  try {
    readConfig(env);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
}

const KEY = generateKey();

describe("without any variable", () => {
  test("everything has its default", () => {
    expect(readConfig({})).toMatchObject({
      port: 3000,
      host: "127.0.0.1",
      databaseUrl: undefined,
      databaseOwnerUrl: undefined,
      dataDir: ".data",
      publicBaseUrl: undefined,
      adminApiKey: undefined,
      registration: "closed",
      logLevel: "info",
      rateLimitPerMinute: 6000,
      authFailuresPerMinute: 120,
      registrationsPerHour: 20,
      publishRewardsPerDay: 1000,
      trustedProxies: [],
      amounts: { initialGrant: "10.00", publishReward: "1.00" },
    });
  });

  test("or with empty ones, which count as unset", () => {
    const names = ["PORT", "HOST", "DATABASE_URL", "ADMIN_API_KEY", "REGISTRATION", "TRUSTED_PROXIES", "INITIAL_GRANT"];
    expect(readConfig(Object.fromEntries(names.map(name => [name, ""])))).toEqual(readConfig({}));
  });

  test("nothing can be changed later", () => {
    const config = readConfig({ TRUSTED_PROXIES: "10.0.0.1" });
    for (const part of [config, config.amounts, config.trustedProxies]) expect(Object.isFrozen(part)).toBe(true);
  });
});

describe("a variable", () => {
  test.each([
    ["PORT", ["0", "1", "65535"], ["-1", "65536", "3000.5", "http", "1e3", "0x50", " ", "3000 "]],
    ["HOST", ["0.0.0.0", "::1", "localhost"], []],
    [
      "DATABASE_URL",
      ["postgres://u:p@h/db", "postgresql://h:5432/db?sslmode=require"],
      ["mysql://h/db", "h/db", "x", " "],
    ],
    ["DATABASE_OWNER_URL", ["postgres://u:p@h/db"], ["http://h/db"]],
    ["PUBLIC_BASE_URL", ["https://example.org", "http://localhost:3000/x/"], ["example.org", "ftp://h", "https://"]],
    ["REGISTRATION", ["open", "closed"], ["OPEN", "yes", "true"]],
    ["LOG_LEVEL", ["silent", "trace", "fatal"], ["loud", "INFO"]],
    ["RATE_LIMIT_PER_MINUTE", ["0", "1", "1000000"], ["-1", "1.5", "1000001", "many"]],
    ["AUTH_FAILURES_PER_MINUTE", ["0", "1", "1000000"], ["-1", "1.5", "1000001", "many", "1e2", "Infinity", "NaN"]],
    ["REGISTRATIONS_PER_HOUR", ["0", "20"], ["-1", "x"]],
    ["PUBLISH_REWARDS_PER_DAY", ["0", "1000000000"], ["-1", "1000000001", "x"]],
    [
      "TRUSTED_PROXIES",
      ["10.0.0.1", "10.0.0.0/8, ::1", "fd00::/8,"],
      ["example.org", "10.0.0.0/33", "10.0.0.1;10.0.0.2"],
    ],
    ["BCRYPT_COST", ["4", "14"], ["3", "15", "x"]],
    ["COMMIT_SHARING", ["on", "off"], ["yes", "ON"]],
    ["METRICS_TOKEN", ["x".repeat(16), "~".repeat(200)], ["x".repeat(15), "x".repeat(201), `${"x".repeat(16)} x`]],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", ["http://localhost:4318"], ["localhost:4318", "x"]],
    ["OTEL_TRACES_SAMPLER_ARG", ["0", "1", "0.05"], ["2", "-1", "5%"]],
    [
      "INITIAL_GRANT",
      ["0", "10", "10.5", "10.50", "999999999999999999.99"],
      ["-1", "1.005", "1e3", "NaN", "Infinity", "01", "1,5", "+1", " 1", "1000000000000000000", ".5", "5."],
    ],
    ["PUBLISH_REWARD", ["0.00", "1"], ["-0.01", "ten"]],
    [
      "ADMIN_API_KEY",
      [KEY],
      ["my-secret", `${KEY}x`, KEY.slice(0, -1) + (KEY.endsWith("0") ? "1" : "0"), "x".repeat(73)],
    ],
  ])("%s takes %j and not %j", (name, good, bad) => {
    for (const value of good) expect({ value, refused: refused({ [name]: value }) }).toEqual({ value, refused: [] });
    for (const value of bad) {
      expect({ value, refused: refused({ [name]: value }) }).toEqual({ value, refused: [name] });
      expect(messageFor({ [name]: value })).not.toMatch(/invalid|expected|received|option/i);
    }
  });

  test("that is one of a few words is told of with all of them, and as they are written", () => {
    expect(messageFor({ REGISTRATION: "Open" })).toContain("REGISTRATION: closed or open, in lower case");
    expect(messageFor({ COMMIT_SHARING: "yes" })).toContain("COMMIT_SHARING: on or off, in lower case");
    expect(messageFor({ LOG_LEVEL: "loud" })).toContain(
      "LOG_LEVEL: fatal, error, warn, info, debug, trace, or silent, in lower case",
    );
  });

  test("with a limit has the same one in the README", async () => {
    const readme = await Bun.file(join(import.meta.dir, "../README.md")).text();
    for (const [name, value] of Object.entries({ METRICS_TOKEN: "short", BCRYPT_COST: "99" })) {
      const [, from, to] = /(\d+) to (\d+)/.exec(messageFor({ [name]: value })) ?? [];
      expect(readme.split("\n").find(line => line.startsWith(`| \`${name}\` |`))).toContain(` ${from} to ${to}`);
    }
  });

  test("is told of once, together with all others that are bad", () => {
    const env = {
      PORT: "x",
      REGISTRATION: "x",
      INITIAL_GRANT: "x",
      TRUSTED_PROXIES: "x,y,z",
      DATABASE_URL: "x",
      HOST: "ok",
    };
    expect(refused(env)).toEqual(["DATABASE_URL", "INITIAL_GRANT", "PORT", "REGISTRATION", "TRUSTED_PROXIES"]);
  });

  test("with a secret in it is not repeated", () => {
    const secret = "hunter2-secret";
    const env = {
      DATABASE_URL: `mysql://u:${secret}@h/db`,
      DATABASE_OWNER_URL: `://u:${secret}@h`,
      ADMIN_API_KEY: `ext_${secret}`,
      PUBLIC_BASE_URL: `ftp://u:${secret}@h`,
    };
    expect(refused(env)).toEqual(Object.keys(env).toSorted());
    expect(messageFor(env)).not.toContain(secret);
  });
});

test("amounts have two decimals and addresses no slash at the end", () => {
  const config = readConfig({ INITIAL_GRANT: "5", PUBLISH_REWARD: "0.5", PUBLIC_BASE_URL: "https://example.org/x//" });
  expect(config.amounts).toMatchObject({ initialGrant: "5.00", publishReward: "0.50" });
  expect(config.publicBaseUrl).toBe("https://example.org/x");
});

test("the server does not start with a bad environment: one message, exit code 1", async () => {
  const env = { PORT: "x", DATABASE_URL: "mysql://u:hunter2@h/db", REGISTRATION: "maybe" };
  const program = startProgram(["src/main.ts"], { env });
  expect(await program.exited).toBe(1);
  expect(program.stdout()).toBe("");
  for (const name of Object.keys(env)) expect(program.stderr()).toContain(name);
  expect(program.stderr()).not.toMatch(/hunter2|\bat .*\.ts/);
});
