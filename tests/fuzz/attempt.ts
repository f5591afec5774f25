// One request of the fuzzer as it is written down before it is sent: a seed makes the same list of them in every run. What
// only a running server knows (ids, keys, cursors) stands in it as `{{name}}`, and long texts as `{{long:…}}`.

/** Who sends it: members, operators, nobody, or somebody with a key that is nobody's. */
export type Sender = "owner" | "other" | "auditor" | "admin" | "nobody" | "bad";

export type Attempt = {
  /** `POST /api/publish`. */
  operation: string;
  /** Its place among the attempts at this operation. */
  index: number;
  /** What is wrong with it, in words; none where nothing is. */
  tricks: string[];
  sender: Sender;
  method: string;
  /** Path and query, percent-encoded or deliberately not. */
  path: string;
  headers: Record<string, string>;
  /** Lines that come once more. */
  again: readonly Again[];
  body?: string | Uint8Array<ArrayBuffer>;
};

/** A header, in lower case, that comes once more: with another value, or with the same one. */
export type Again = Readonly<{ name: string; value?: string }>;

/** What came back; `status` 0 and a `failure` where nothing did. */
export type Reply = {
  status: number;
  headers: Headers;
  text: string;
  ms: number;
  failure?: string;
};

/** Names of what a running server knows, and their values. */
export type Names = Readonly<Record<string, string>>;

/** The attempt with everything in it that can be sent. */
export function fillIn(attempt: Attempt, names: Names): Attempt {
  const fill = (text: string) => fillText(text, names);
  return {
    ...attempt,
    path: fill(attempt.path),
    headers: Object.fromEntries(Object.entries(attempt.headers).map(([name, value]) => [name, fill(value)])),
    again: attempt.again.map(({ name, value }) => (value === undefined ? { name } : { name, value: fill(value) })),
    ...(typeof attempt.body === "string" ? { body: fill(attempt.body) } : {}),
  };
}

function fillText(text: string, names: Names): string {
  return text.replace(/\{\{(\w+)(?::(\d+):(.*?))?\}\}/g, (whole, name: string, count?: string, piece = "x") =>
    count === undefined ? (names[name] ?? whole) : piece.repeat(Number(count)),
  );
}

/** A text of `count` pieces, written out when it is sent. */
export function long(count: number, piece = "x"): string {
  return `{{long:${count}:${piece}}}`;
}

/** An attempt as a person can read and repeat it: whole, but for what is very long. */
export function describe({ tricks, sender, method, path, headers, again, body }: Attempt): string {
  const shown = typeof body === "string" ? JSON.stringify(body) : body && `${body.length} bytes ${body.toHex()}`;
  const lines = [`${method} ${path}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  lines.push(...again.map(({ name, value }) => `${name}: ${value ?? "(the same)"} (once more)`));
  return [`as ${sender}: ${tricks.join(", ") || "nothing wrong"}`, ...lines, ...(shown ? [shown] : [])]
    .map(line => (line.length > 600 ? `${line.slice(0, 600)}… (${line.length} characters)` : line))
    .join("\n");
}
