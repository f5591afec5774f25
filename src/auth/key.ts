// The form of an API key: `ext_`, 8 base62 characters of public id, `_`, 32 random base62 characters, and 6
// of checksum. The checksum lets a mistyped key be refused without asking the database.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FORM = /^ext_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/;
const CHECKSUM_LENGTH = 6;
const PREFIX_LENGTH = 12;

/** A new random key: 51 characters (bcrypt reads at most 72 bytes), 190 bits of them secret. */
export function generateKey(): string {
  const body = `ext_${randomBase62(8)}_${randomBase62(32)}`;
  return body + checksum(body);
}

/** Whether a text has the form of a key and its checksum is right. */
export function isWellFormedKey(text: string): boolean {
  return FORM.test(text) && text.slice(-CHECKSUM_LENGTH) === checksum(text.slice(0, -CHECKSUM_LENGTH));
}

/** The public part by which a key is found: its first 12 characters. */
export function keyPrefix(key: string): string {
  return key.slice(0, PREFIX_LENGTH);
}

/** Whether a text has the form of the public part of a key. */
export function isKeyPrefix(text: string): boolean {
  return /^ext_[0-9A-Za-z]{8}$/.test(text);
}

/** The public part of a key that stands in a text with its secret, or with the beginning of it; undefined where none does. */
export function exposedPrefix(text: string): string | undefined {
  return /(ext_[0-9A-Za-z]{8})_/.exec(text)?.[1];
}

/** Random characters of 0-9A-Za-z, each equally likely. */
function randomBase62(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      // 248 is the largest multiple of 62 in a byte; what lies above would make the first characters likelier.
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

/** CRC-32 (as in zlib) in base62, padded with 0 to six characters. */
function checksum(text: string): string {
  let rest = Bun.hash.crc32(text);
  let digits = "";
  while (digits.length < CHECKSUM_LENGTH) {
    digits = ALPHABET[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
