// The rules of who imports whom (ARCHITECTURE.md), read from the imports themselves.

import { expect, test } from "bun:test";
import { dirname, join, relative, resolve } from "node:path";
import { PROJECT } from "./support.ts";

type Import = { from: string; to: string };

const files = [...new Bun.Glob("{src,views}/**/*.{ts,tsx}").scanSync(PROJECT)].sort();
const texts = new Map(
  await Promise.all(files.map(async file => [file, await Bun.file(join(PROJECT, file)).text()] as const)),
);

/** Imports of our own files, type-only ones included: a type can tie two files together as well. */
const imports: Import[] = files.flatMap(from =>
  [...(texts.get(from) ?? "").matchAll(/(?:from\s+|import\s*\(?\s*)"(\.[^"]+)"/g)].map(([, path = ""]) => ({
    from,
    to: relative(PROJECT, resolve(PROJECT, dirname(from), path)),
  })),
);

/** Imports whose two ends match. */
const between = (from: RegExp, to: RegExp) =>
  imports.filter(edge => from.test(edge.from) && to.test(edge.to)).map(edge => `${edge.from} imports ${edge.to}`);

test("no file imports itself by way of others", () => {
  const targets = Map.groupBy(imports, edge => edge.from);
  const done = new Set<string>();
  const circle = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { to } of targets.get(file) ?? []) {
      const found = circle(to, [...path, file]);
      if (found) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of files) expect(circle(file, [])).toBeUndefined();
});

test("views know models and money, and neither the database nor HTTP", () => {
  expect(between(/^views\//, /^src\/(?!.*model\.ts$)(?!(money|problem)\.ts$)/)).toEqual([]);
  const importers = files.filter(
    file => file.startsWith("views/") && /from "(elysia|postgres)"/.test(texts.get(file) ?? ""),
  );
  expect(importers).toEqual([]);
});

test("only pages import views", () => {
  expect(between(/^src\/(?!.*(pages|documentation|assets|feeds|markdown).*\.tsx?$)/, /^views\//)).toEqual([]);
});

test("stores know nothing of routes, and routes nothing of each other", () => {
  expect(between(/store\.ts$/, /(routes|pages|app|services)\.tsx?$/)).toEqual([]);
  expect(between(/routes\.ts$/, /routes\.ts$/)).toEqual([]);
});

test("the client takes nothing but types from the server, and the server nothing from the client", () => {
  const values = files
    .filter(file => file.startsWith("src/client/"))
    .flatMap(file =>
      [...(texts.get(file) ?? "").matchAll(/^(?:import|export) (?!type )[^;]*?from "(\.\.[^"]*)"/gm)].map(
        ([, path]) => `${file} imports ${path}`,
      ),
    );
  expect(values).toEqual([]);
  expect(between(/^(views|src\/(?!client\/))/, /^src\/client\//)).toEqual([]);
});

test("nothing below the process imports the process", () => {
  expect(between(/^(src|views)\/(?!(main|start|dev)\.ts)/, /^src\/(main|start|dev)\.ts$/)).toEqual([]);
  expect(between(/^src\/(?!main\.ts)/, /^src\/app\.ts$/)).toEqual([]);
});

test("slices and views read neither the environment nor the arguments", () => {
  const readers = files.filter(file => /process\.(env|argv)|Bun\.(env|argv)/.test(texts.get(file) ?? ""));
  expect(
    readers.filter(file => /^(views|src\/(auth|users|cards|ledger|attributions|sync|admin))\//.test(file)),
  ).toEqual([]);
});

test("every file says what it is before anything else", () => {
  expect(files.filter(file => !/^(\/\/|\/\*\*)/.test((texts.get(file) ?? "").replace(/^#!.*\n/, "")))).toEqual([]);
});

test("no file is longer than a sitting", () => {
  expect(files.filter(file => (texts.get(file) ?? "").split("\n").length > 400)).toEqual([]);
});
