// Faults in what the clients have noted, as a client, the server or a disk could have left them.

import { readFileSync, writeFileSync } from "node:fs";
import type { Came, Line } from "../journal.ts";
import type { Plant } from "../plants.ts";
import { changeLines, type JournalFile, type Left, readJournalFiles, successesOf, writeJournalFile } from "./tamper.ts";

const TRANSFERS = /^\/api\/transfers$/;
/** More than anybody in these books has sent. */
const OTHER_AMOUNT = "70707.07";

/** A client's journal with many lines in it. */
function longest(left: Left): JournalFile {
  const [first, ...others] = readJournalFiles(left);
  if (!first) throw new Error("there are no journals");
  return others.reduce((most, file) => (file.lines.length > most.lines.length ? file : most), first);
}

/** Two transfers by different clients. */
function twoTransfers(left: Left): [Came, Came] {
  const successes = successesOf(left, TRANSFERS);
  const clientOf = ({ key }: Came) => key.replace(/-\d+$/, "");
  const [one] = successes;
  const other = successes.find(success => one && clientOf(success) !== clientOf(one));
  if (!one || !other) throw new Error("there are no two transfers");
  return [one, other];
}

const isAnswer = (line: Line, key: string): line is Came => line.type === "came" && line.key === key;

export const JOURNAL_PLANTS: readonly Plant[] = [
  {
    name: "torn-journal",
    describe: "a journal that breaks off within a line",
    shows: "journal",
    async tamper(left) {
      const { path } = longest(left);
      writeFileSync(path, readFileSync(path).subarray(0, -40));
    },
  },
  {
    name: "lost-journal-tail",
    describe: "a journal that was not on disk: its last requests are missing",
    shows: "doubled",
    async tamper(left) {
      const file = longest(left);
      const succeeded = file.lines.findLast(line => line.type === "came" && line.status < 300);
      const key = succeeded?.type === "came" ? succeeded.key : undefined;
      // With all that was ever sent of it, in the journal of the final repetitions too.
      for (const { path, lines } of readJournalFiles(left)) {
        const isOf = (line: Line) =>
          line.type === "sent" ? line.asked.key === key : "key" in line && line.key === key;
        writeJournalFile({ path, lines: lines.filter(line => !isOf(line)) });
      }
    },
  },
  {
    name: "swapped-outcomes",
    describe: "two transfers whose answers went to each other",
    shows: "wrong",
    async tamper(left) {
      const [one, other] = twoTransfers(left);
      changeLines(left, line => {
        if (isAnswer(line, one.key) && line.status < 300) return { ...line, text: other.text };
        if (isAnswer(line, other.key) && line.status < 300) return { ...line, text: one.text };
        return undefined;
      });
    },
  },
  {
    name: "altered-replay",
    describe: "a retry that got another answer than the first",
    shows: "altered",
    async tamper(left) {
      const lines = readJournalFiles(left).flatMap(file => file.lines);
      const firsts = new Set(
        lines.flatMap(line => (line.type === "came" && line.status < 300 && !line.isReplayed ? [line.key] : [])),
      );
      const replay = lines.find(line => line.type === "came" && line.isReplayed && firsts.has(line.key));
      if (replay?.type !== "came") throw new Error("there is no replay");
      changeLines(left, line =>
        isAnswer(line, replay.key) && line.isReplayed ? { ...line, text: `${line.text} ` } : undefined,
      );
    },
  },
  {
    name: "wrong-amount",
    describe: "a transfer of another amount than was asked for",
    shows: "wrong",
    async tamper(left) {
      const [{ key }] = twoTransfers(left);
      changeLines(left, line => {
        if (isAnswer(line, key)) {
          return { ...line, text: line.text.replace(/"amount":"[^"]+"/, `"amount":"${OTHER_AMOUNT}"`) };
        }
        if (line.type !== "sent" || line.asked.key !== key) return undefined;
        const [payer, payee] = line.asked.legs;
        const legs = [
          { user: payer?.user ?? "", amount: `-${OTHER_AMOUNT}` },
          { user: payee?.user ?? "", amount: OTHER_AMOUNT },
        ];
        return { ...line, asked: { ...line.asked, legs, body: { ...line.asked.body, amount: OTHER_AMOUNT } } };
      });
    },
  },
  {
    name: "refused-yet-done",
    describe: "a transfer that was refused, and is there",
    shows: "doubled",
    async tamper(left) {
      const [{ key }] = twoTransfers(left);
      changeLines(left, line => (isAnswer(line, key) ? { ...line, status: 402, text: "{}" } : undefined));
    },
  },
  {
    name: "never-answered",
    describe: "a request without a definite answer",
    shows: "unknown",
    async tamper(left) {
      const [{ key }] = twoTransfers(left);
      changeLines(left, line => (isAnswer(line, key) ? { ...line, status: 503, text: "{}" } : undefined));
    },
  },
  {
    name: "server-error",
    describe: "a request that was answered 500",
    shows: "unexpected",
    async tamper(left) {
      const file = longest(left);
      const [sent] = file.lines;
      if (sent?.type !== "sent") throw new Error("nothing was sent");
      const { at, asked } = sent;
      const failed = {
        type: "came",
        key: asked.key,
        attempt: 0,
        at,
        status: 500,
        isReplayed: false,
        text: "{}",
      } as const;
      writeJournalFile({ ...file, lines: [{ ...sent, attempt: 0 }, failed, ...file.lines] });
    },
  },
  {
    name: "kill-of-nothing",
    describe: "a kill while nothing was in flight",
    shows: "kill",
    async tamper(left) {
      changeLines(left, line => (line.type === "kill" ? { ...line, at: 0 } : undefined));
    },
  },
  {
    name: "kill-at-the-end",
    describe: "a kill after which nothing succeeded",
    shows: "kill",
    async tamper(left) {
      changeLines(left, line => (line.type === "kill" ? { ...line, at: line.at + 86_400_000 } : undefined));
    },
  },
];
