// The checksum by which devices and server tell versions: SHA-256 (hex) over canonical JSON (RFC 8785).

import canonicalize from "canonicalize";
import { sha256 } from "../sha256.ts";

/** The canonical JSON of a value, and its checksum. The value holds no lone surrogates, and no number beyond a double. */
export function canonicalOf(value: unknown): { json: string; checksum: string } {
  const json = canonicalize(value) as string;
  return { json, checksum: sha256(json) };
}
