// Reads a request body as JSON: bounded in size while it arrives, strict UTF-8, and a Problem for what is not.

import { invalid, Problem } from "./problem.ts";

/** Bytes of a request body (8 MiB). */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Levels of arrays and objects: enough for what may be attached, and too few to exhaust anybody's stack. */
const DEPTH_MAX = 100;

/**
 * The body as a JSON value; null where there is none, for which Elysia would look itself were it undefined. Throws
 * `unsupported-media-type`, `payload-too-large` or `malformed-json`.
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > BODY_BYTES_MAX) throw new Problem("payload-too-large");
  // A body is as long as it says, Bun sees to that. One that does not say is read piece by piece, at six times the cost.
  const bytes = declared === null ? await readBounded(request.body) : await readWhole(request);
  if (bytes.length === 0) return null;
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new Problem("unsupported-media-type");
  if (isTooDeep(bytes)) {
    throw new Problem("malformed-json", {
      detail: `The body has more than ${DEPTH_MAX} levels of arrays and objects.`,
    });
  }
  try {
    return withoutCopies(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)));
  } catch (error) {
    if (error instanceof Problem) throw error;
    // A TypeError (UTF-8) or a SyntaxError, whose text may quote the body.
    throw new Problem("malformed-json", {
      detail: error instanceof TypeError ? "The body is not valid UTF-8." : "The body is not valid JSON.",
    });
  }
}

async function readWhole(request: Request): Promise<Uint8Array> {
  try {
    return await request.bytes();
  } catch {
    throw incomplete();
  }
}

async function readBounded(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.length;
      if (size > BODY_BYTES_MAX) throw new Problem("payload-too-large");
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw incomplete();
  }
  return Buffer.concat(chunks);
}

function incomplete(): Problem {
  return new Problem("malformed-json", { detail: "The body ended before it was complete." });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Looks at bytes, since JSON.parse takes any depth and whoever walks through its value then runs out of stack. */
function isTooDeep(json: Uint8Array): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (isInString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) isInString = true;
    else if (byte === OPENING_BRACKET || byte === OPENING_BRACE) {
      if (++depth > DEPTH_MAX) return true;
    } else if (byte === CLOSING_BRACKET || byte === CLOSING_BRACE) depth--;
  }
  return false;
}

/**
 * Elysia's ValidationError prints the whole value, indented, into its message: private text, and many times the
 * length of what was sent. A body that prints as nothing is spared that; what validation makes of it prints as ever.
 */
function withoutCopies(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return body;
  if (Object.hasOwn(body, "toJSON")) throw invalid("/toJSON", "There is no such field.");
  return Object.defineProperty(body, "toJSON", { value: () => undefined });
}
