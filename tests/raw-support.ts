// What the tests of raw requests share: bytes sent over a connection of their own, and the answers that come.

import { connect } from "node:net";
import type { Member } from "./api-support.ts";

/** Sends bytes and reads until the server closes; a write every `everyMs` where `more` is given. */
export function exchange(port: number, bytes: string, { more, everyMs = 0 }: { more?: string; everyMs?: number } = {}) {
  const startedMs = performance.now();
  return new Promise<{ statuses: number[]; text: string; seconds: number }>(resolve => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    const writing = more === undefined ? undefined : setInterval(() => socket.write(more, "latin1"), everyMs);
    socket.on("data", data => {
      text += data.toString("latin1");
    });
    // A reset is an end like any other.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(writing);
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));
      resolve({ statuses, text, seconds: (performance.now() - startedMs) / 1000 });
    });
    socket.write(bytes, "latin1");
  });
}

/** What makes the server close after its answer. */
export const END = "Connection: close\r\n";
/** A whole GET with its last line; `more` are headers. */
export const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${END}${more}\r\n`;
export const keyOf = (member: Member) => `Authorization: Bearer ${member.key}\r\n`;
