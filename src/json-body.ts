// Reads a request body as JSON: bounded in size while it arrives, strict UTF-8, and a Problem for what is not.

import { mediaTypeOf } from "./media-type.ts";
import { invalid, Problem } from "./problem.ts";

/** Bytes of a request body (8 MiB). */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Bodies up to this are read however many there are. */
const SMALL_BYTES_MAX = 64 * 1024;
/** Bytes of larger ones that are being read at the same time (256 MiB): whoever sends them and stops has all memory else. */
export const READING_BYTES_MAX = 256 * 1024 * 1024;
/** Levels of arrays and objects: enough for what may be attached, and too few to exhaust anybody's stack. */
const DEPTH_MAX = 100;

/** Bytes that may be held at the same time. */
export class ByteBudget {
  #taken = 0;

  constructor(private readonly max: number) {}

  /** Bytes that are held now. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether they may; then they are to be given back. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.max) return false;
    this.#taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** What all larger bodies of this process that are being read hold. */
export const allReading = new ByteBudget(READING_BYTES_MAX);

/**
 * The body as a JSON value; null where there is none, for which Elysia would look itself were it undefined. Throws
 * `unsupported-media-type`, `payload-too-large`, `malformed-json`, or `unavailable` where too many are being read.
 */
export async function readJsonBody(request: Request, reading: ByteBudget = allReading): Promise<unknown> {
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > BODY_BYTES_MAX) throw new Problem("payload-too-large");
  // A body is as long as it says, Bun sees to that. One that is large or does not say is read piece by piece, which costs
  // small ones six times as much.
  const isSmall = declared !== null && Number(declared) <= SMALL_BYTES_MAX;
  const bytes = isSmall ? await readWhole(request) : await readBounded(request.body, reading);
  if (bytes.length === 0) return null;
  if (mediaTypeOf(request) !== "application/json") throw new Problem("unsupported-media-type");
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

async function readBounded(body: ReadableStream<Uint8Array> | null, reading: ByteBudget): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      // What has arrived counts, not what was announced: an empty promise takes nobody's place.
      if (!reading.take(chunk.length)) throw new Problem("unavailable", { headers: { "retry-after": "10" } });
      size += chunk.length;
      if (size > BODY_BYTES_MAX) throw new Problem("payload-too-large");
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw incomplete();
  } finally {
    reading.give(size);
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
