// Styles and scripts as they are sent: shorter than their files, and to a browser the same.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { assets } from "../views/assets.ts";
import { launchBrowser } from "./browser-support.ts";
import { PROJECT } from "./support.ts";

setDefaultTimeout(60_000);

const browser = await launchBrowser();
afterAll(() => browser.close());

const read = (file: string) => Bun.file(join(PROJECT, "views/assets", file)).text();
const SENT = { "admin.css": assets.admin, "style.css": assets.style, "documentation.css": assets.documentation };

/** Every rule of a style sheet as the browser understands it. */
const RULES = `text => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return [...sheet.cssRules].map(rule => rule.cssText);
}`;

test.each(Object.entries(SENT))(
  "%s is sent without comments and indents, and says the same",
  async (file, { text }) => {
    const page = await browser.newPage();
    const rulesOf = (css: string) => page.evaluate(`(${RULES})(${JSON.stringify(css)})`) as Promise<string[]>;
    const [source, sent] = [await rulesOf(await read(file)), await rulesOf(text)];
    expect(source.length).toBeGreaterThan(20);
    expect(sent).toEqual(source);
    expect(text).not.toMatch(/\/\*|\n\s/);
    await page.close();
  },
);

test("the script is sent without comments, the same from every process, and with its names", async () => {
  const { text, path } = assets.adminScript;
  expect(text).not.toMatch(/\/\*\*|\n\s/);
  expect(text).toContain("class Tail");
  const inline = "import { assets } from './views/assets.ts'; console.log(assets.adminScript.path)";
  const other = Bun.spawnSync([process.execPath, "-e", inline], { cwd: PROJECT });
  expect(other.stdout.toString().trim()).toBe(path);
});

test("what an admin page loads leaves room below 60,000 bytes", () => {
  const bytes = [assets.admin, assets.adminScript, assets.htmx].map(({ text }) => Buffer.byteLength(text));
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(57_000);
});
