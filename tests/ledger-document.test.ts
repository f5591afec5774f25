// docs/ledger.md tells auditors how a hash is made: its worked example must come out under sha256sum's rules, and
// from the database's own function.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { createTestDatabase, PROJECT } from "./support.ts";

const text = await Bun.file(join(PROJECT, "docs/ledger.md")).text();
const blocks = [...text.matchAll(/```sh\nprintf '%s\\n' ([\s\S]*?) \| sha256sum\n```\n\n```\n([0-9a-f]{64}) {2}-/g)];
const examples = blocks.map(([, args = "", hash = ""]) => ({ lines: shellWords(args), hash }));

/** The words of a shell command that uses single quotes and line continuations only. */
function shellWords(args: string): string[] {
  return [...args.replaceAll("\\\n", " ").matchAll(/'([^']*)'|[^\s']+/g)].map(([word, quoted]) => quoted ?? word);
}

test("the worked example is what SHA-256 gives, and each hash is the next one's previous", () => {
  expect(examples.length).toBe(2);
  for (const { lines, hash } of examples) {
    expect(lines.length).toBe(17);
    expect(new Bun.CryptoHasher("sha256").update(`${lines.join("\n")}\n`).digest("hex")).toBe(hash);
  }
  expect(examples[1]?.lines[1]).toBe(examples[0]?.hash as string);
});

test("the database makes the same text from the same values", async () => {
  const { sql } = await createTestDatabase();
  for (const { lines, hash } of examples) {
    const [, ...values] = lines.map(line => (line === "" ? null : line));
    const micros = values.pop() as string;
    const [row] = await sql`
      SELECT sha256_hex(ledger_entry_text(${values[0] as string}, ${values[1] as string}::bigint, ${values[2] as string}::uuid,
        ${values[3] as string}::bigint, ${values[4] as string}::uuid, ${values[5] as string}, ${values[6] as string}::decimal,
        ${values[7] as string}::decimal, ${values[8] as string}::decimal, ${values[9] ?? null}::uuid,
        ${values[10] ?? null}::uuid, ${values[11] ?? null}::bigint, ${values[12] ?? null}, ${values[13] ?? null},
        ${values[14] as string}::text::jsonb,
        '1970-01-01T00:00:00Z'::timestamptz + ${micros}::bigint * interval '1 microsecond')) AS hash`;
    expect(row?.hash).toBe(hash);
  }
});
