// What follows from a card's text alone: the hash that tells duplicates, the checksum that tells versions, and
// the readable part of the address.

import canonicalize from "canonicalize";
import { sha256 } from "../sha256.ts";

/** What the author can change about a card; the same six fields that devices keep in step. */
export type CardData = {
  title: string | null;
  content: string;
  privacy_level: string;
  category: string | null;
  tags: readonly string[];
  metadata: Record<string, unknown>;
};

/** SHA-256 (hex) of the normalised title, two line feeds, and the normalised content. */
export function contentHash(title: string | null | undefined, content: string): string {
  return sha256(`${normalise(title ?? "")}\n\n${normalise(content)}`);
}

/** SHA-256 (hex) of the canonical JSON (RFC 8785) of what the author can change. */
export function checksumOf({ title, content, privacy_level, category, tags, metadata }: CardData): string {
  return sha256(canonicalize({ title, content, privacy_level, category, tags, metadata }) as string);
}

/** Two texts that differ in these respects only are one card: composed characters, line ends, white space around. */
export function normalise(text: string): string {
  return text.normalize("NFC").replace(/\r\n?/g, "\n").trim();
}

const SLUG_STEM_CHARACTERS_MAX = 60;
const SLUG_END_CHARACTERS = 8;
const SLUG_END_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** The readable part of a slug: from the title, else from the first line that has a word; `card` when nothing is left. */
export function slugStem(title: string | null | undefined, content: string): string {
  const line = title?.trim() ? title : (content.trim().split(/[\r\n]/, 1)[0] ?? "");
  const words = line
    .slice(0, 1000)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  return words.replace(/^-/, "").slice(0, SLUG_STEM_CHARACTERS_MAX).replace(/-$/, "") || "card";
}

/** The random end of a slug: 41 bits, which keep slugs apart whatever the titles are. */
export function slugEnd(): string {
  let end = "";
  while (end.length < SLUG_END_CHARACTERS) {
    for (const byte of crypto.getRandomValues(new Uint8Array(SLUG_END_CHARACTERS * 2))) {
      // 252 is the largest multiple of 36 in a byte.
      if (byte < 252 && end.length < SLUG_END_CHARACTERS) end += SLUG_END_ALPHABET[byte % SLUG_END_ALPHABET.length];
    }
  }
  return end;
}
