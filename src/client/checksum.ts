// The checksum of an entity, as the protocol defines it (docs/sync.md): SHA-256 over canonical JSON (RFC 8785).

import { createHash } from "node:crypto";
import canonicalize from "canonicalize";

/** SHA-256 (hex) of the canonical JSON of a value that JSON can hold. */
export function checksumOf(value: unknown): string {
  return createHash("sha256")
    .update(canonicalize(value) as string)
    .digest("hex");
}
