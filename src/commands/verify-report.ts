// What `migrate verify` prints, for every command that ends with it.

import type { Check } from "../migrate/structure.ts";
import { verifyDatabase } from "../migrate/verify.ts";

/**
 * Makes every check of `migrate verify`, that of the role in `serverUrl` included, prints each as soon as it is made, and says
 * whether none found a difference.
 */
export async function printVerification(url: string, serverUrl: string): Promise<boolean> {
  let differences = 0;
  await verifyDatabase(url, {
    serverUrl,
    report: check => {
      differences += check.differences.length + check.more;
      printCheck(check);
    },
  });
  console.log(differences === 0 ? "\nEverything is as it should be." : `\n${plural(differences, "difference")} found.`);
  return differences === 0;
}

function printCheck({ name, summary, differences, more, notes }: Check): void {
  const label = name.padEnd(13);
  if (differences.length === 0) console.log(`✓ ${label}  ${summary}`);
  else console.log(`✗ ${label}  ${plural(differences.length + more, "difference")}`);
  for (const difference of differences) console.log(indent(`- ${difference}`));
  if (more > 0) console.log(indent(`and ${more} more`));
  for (const note of notes) console.log(indent(`note: ${note}`));
}

function indent(text: string): string {
  return `    ${text.replaceAll("\n", "\n    ")}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
