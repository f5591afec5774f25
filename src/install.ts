// Brings node_modules up to date before anything of it is imported, so that a fresh clone runs with one
// command. Imports nothing from node_modules itself.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { withLock } from "./embedded/lock.ts";
import { StartError } from "./start-error.ts";

const ROOT = resolve(import.meta.dir, "..");
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".extrophi-installed");

/**
 * Installs the packages of bun.lock where that was not done yet, and tells whether it was so. Throws StartError.
 */
export async function ensureInstalled(): Promise<boolean> {
  if (isInstalled()) return false;
  mkdirSync(MODULES, { recursive: true });
  await withLock(join(MODULES, ".extrophi-install.lock"), async () => {
    if (!isInstalled()) await install();
  });
  return true;
}

/** The stamp is written after an installation and names what was installed, for which system. */
function isInstalled(): boolean {
  if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== stampText()) return false;
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return Object.keys(dependencies).every(name => existsSync(join(MODULES, name)));
}

function stampText(): string {
  const patches = readdirSync(join(ROOT, "patches"))
    .sort()
    .map(name => join(ROOT, "patches", name));
  const files = [join(ROOT, "bun.lock"), ...patches];
  const hash = Bun.hash(files.map(file => readFileSync(file, "utf8")).join("\n")).toString(36);
  return `${process.platform} ${process.arch} ${hash}`;
}

async function install(): Promise<void> {
  console.error("Installing packages into node_modules …");
  const started = performance.now();
  // Standard output belongs to the script that runs afterwards.
  const child = Bun.spawn([process.execPath, "install", "--frozen-lockfile", "--no-summary"], {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) {
    throw new StartError(
      `The packages could not be installed: \`bun install --frozen-lockfile\` ended with ${child.signalCode ?? `exit code ${exitCode}`}, its words are above. Check that the package registry can be reached (behind a proxy: HTTPS_PROXY) and that ${MODULES} can be written, then run the command again.`,
    );
  }
  writeFileSync(STAMP, stampText());
  console.error(`Installed in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}
