// Reads a request body as JSON: bounded in size while it arrives, strict UTF-8, and a Problem for what is not.

import { Problem } from "./problem.ts";

/** Bytes of a request body (8 MiB). */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The body as a JSON value; undefined where there is none. Throws `unsupported-media-type`, `payload-too-large`
 * or `malformed-json`.
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > BODY_BYTES_MAX) throw new Problem("payload-too-large");
  if (!request.body) return undefined;
  const bytes = await readBounded(request.body);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new Problem("unsupported-media-type");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    // Deep nesting ends in a RangeError, the rest in a TypeError (UTF-8) or a SyntaxError, whose text may quote the body.
    throw new Problem("malformed-json", {
      detail: error instanceof TypeError ? "The body is not valid UTF-8." : "The body is not valid JSON.",
    });
  }
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > BODY_BYTES_MAX) throw new Problem("payload-too-large");
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("malformed-json", { detail: "The body ended before it was complete." });
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}
