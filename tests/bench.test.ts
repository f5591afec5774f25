// `bun run bench` as far as it goes without load: arguments, help, missing programs, and the form of the figures.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readArguments } from "../bench/arguments.ts";
import { judge } from "../bench/report.ts";
import { ROWS, type Row } from "../bench/rows.ts";
import { findTools } from "../bench/tools.ts";
import { median, quantile } from "../bench/turns.ts";
import { StartError } from "../src/start-error.ts";
import { UsageError } from "../src/usage-error.ts";
import { startProgram } from "./server.ts";

setDefaultTimeout(60_000);

const numbers = (list: readonly { row: number }[]) => list.map(({ row }) => row);

const row = (better: "higher" | "lower", goal: number): Row => ({
  ...{ row: 1, title: "work", unit: "ms", better, goal },
  measure: () => Promise.reject(new Error("not measured here")),
});

test("there are thirteen rows, in order", () => {
  expect(numbers(ROWS)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

test("without arguments all rows are measured that need no large database", () => {
  const read = readArguments([]);
  expect(read).toMatchObject({ turnSeconds: 5, rounds: 3, json: undefined, entries: 10_000_000 });
  expect(read).toHaveProperty("rows", [1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13]);
  expect(readArguments(["--large"])).toHaveProperty("rows", numbers(ROWS));
});

test("rows are chosen by number, and measured in the order of the table", () => {
  expect(readArguments(["--rows", "8,1", "--quick", "--json", "figures.json"])).toMatchObject({
    ...{ rows: [1, 8], turnSeconds: 1, json: "figures.json" },
  });
});

test("wrong arguments are explained", () => {
  for (const [args, reason] of [
    [["--rows", "14"], 'there is no row "14"'],
    [["--rows", ""], 'there is no row ""'],
    [["--seconds", "0"], "--seconds takes a whole number from 1"],
    [["--entries", "many"], "--entries takes a whole number from 1"],
    [["--fast"], "--fast"],
  ] as const) {
    expect(() => readArguments(args)).toThrow(UsageError);
    expect(() => readArguments(args)).toThrow(reason);
  }
});

test("the command prints its help, and refuses wrong arguments with it", async () => {
  const help = startProgram(["run", "--silent", "bench", "--help"]);
  expect(await help.exited).toBe(0);
  expect(help.stdout()).toStartWith("Usage: bun run bench [options]");

  const wrong = startProgram(["run", "--silent", "bench", "--rows", "0"]);
  expect(await wrong.exited).toBe(2);
  expect(wrong.stderr()).toStartWith('--rows: there is no row "0".\n\nUsage: bun run bench');
});

test("missing programs are named with where they come from", () => {
  expect(() => findTools("/nowhere")).toThrow(StartError);
  expect(() => findTools("/nowhere")).toThrow(/needs .*wrk \(Debian: wrk\).* not found/);
});

test("figures are judged by their ratio, in the direction that counts", () => {
  expect(judge(row("higher", 2), { ours: 8000, reference: 4000 })).toEqual({
    ...{ row: 1, name: "work (ms)", ours: 8000, reference: 4000, ratio: 2, goal: 2, better: "higher", met: true },
  });
  expect(judge(row("higher", 2), { ours: 7999, reference: 4000 })).toMatchObject({ met: false });
  expect(judge(row("lower", 1.5), { ours: 1.5, reference: 1 })).toMatchObject({ ratio: 1.5, met: true });
  const part = { name: "a part", ours: 16, reference: 10 };
  expect(judge(row("lower", 1.5), { ours: 16, reference: 10, parts: [part] })).toMatchObject({
    ...{ met: false, parts: [{ ...part, ratio: 1.6 }] },
  });
});

test("medians and quantiles", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.99, Math.ceil)).toBe(10);
});
