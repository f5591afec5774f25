// Sends an attempt and gives what comes back: by `fetch`, or byte by byte where a header comes twice, since every client
// makes one line of two.

import { connect } from "node:net";
import type { Attempt, Reply } from "./attempt.ts";
import { pathOf } from "./targets.ts";

/** Longer than anything that is answered takes, on a machine that does other things. */
const ANSWER_MS_MAX = 20_000;

type Answered = Pick<Reply, "status" | "headers" | "text">;
/** A finished attempt, and the key of its sender. */
type Sending = { baseUrl: string; attempt: Attempt; key: string | undefined };

export async function send(sending: Sending): Promise<Reply> {
  const startedMs = performance.now();
  try {
    const answered = await (sending.attempt.again.length > 0 ? sendBytes(sending) : sendByFetch(sending));
    return { ...answered, ms: performance.now() - startedMs };
  } catch (error) {
    const failure = (error as Error).message;
    return { status: 0, headers: new Headers(), text: "", ms: performance.now() - startedMs, failure };
  }
}

async function sendByFetch({ baseUrl, attempt, key }: Sending): Promise<Answered> {
  const { method, path, body } = attempt;
  const response = await fetch(baseUrl + path, {
    ...{ method, headers: headersOf(attempt, key), redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS_MAX) },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await readText(response) };
}

function headersOf(attempt: Attempt, key: string | undefined): Headers {
  const headers = new Headers(key === undefined ? {} : { authorization: `Bearer ${key}` });
  for (const [name, value] of Object.entries(attempt.headers)) headers.set(name, value);
  return headers;
}

/** A stream ends with its reader: its beginning is what can be judged. */
async function readText(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response.text();
  const reader = response.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return new TextDecoder().decode(first?.value);
}

function sendBytes({ baseUrl, attempt, key }: Sending): Promise<Answered> {
  const { host, hostname, port, search } = new URL(baseUrl + attempt.path);
  const body = Buffer.from(attempt.body ?? "");
  const headers = headersOf(attempt, key);
  headers.set("host", host);
  if (attempt.body !== undefined) headers.set("content-length", String(body.length));
  const once = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  const again = attempt.again.map(({ name, value }) => `${name}: ${value ?? headers.get(name) ?? ""}\r\n`);
  const lines = [...once, ...again];
  const head = `${attempt.method} ${pathOf(attempt.path)}${search} HTTP/1.1\r\n${lines.join("")}\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let came = "";
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy());
    socket.on("data", data => {
      came += data.toString("latin1");
      if (isWhole(came, attempt.method)) socket.destroy();
    });
    // A reset is an end like any other.
    socket.on("error", () => {});
    socket.on("close", () => {
      const answered = readAnswer(Buffer.from(came, "latin1"));
      if (answered) resolve(answered);
      else reject(new Error("no whole answer came"));
    });
    socket.write(Buffer.concat([Buffer.from(head, "latin1"), body]));
  });
}

/**
 * Whether nothing more is waited for: of a stream the beginning is enough. The server is not asked to close, since it would
 * do so at once where it reads a body no further, and the answer could be lost with the connection.
 */
function isWhole(came: string, method: string): boolean {
  const end = came.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const [head, body] = [came.slice(0, end), came.slice(end + 4)];
  const [, length] = /^content-length: (\d+)/im.exec(head) ?? [];
  if (method === "HEAD" || /^HTTP\/1\.1 (204|304)/.test(head)) return true;
  if (length !== undefined) return body.length >= Number(length);
  return body.endsWith("0\r\n\r\n") || (body !== "" && /^content-type: text\/event-stream/im.test(head));
}

function readAnswer(bytes: Buffer): Answered | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim());
  const body = bytes.subarray(end + 4);
  const whole = headers.get("transfer-encoding") === "chunked" ? joinChunks(body) : body;
  return { status: Number(first.split(" ")[1]), headers, text: whole.toString("utf8") };
}

/** As much as came of them. */
function joinChunks(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = lineEnd < 0 ? 0 : Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    if (!size) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
