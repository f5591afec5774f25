// docs/alarms.yml and docs/operations.md speak of metrics that there are, with labels that they have, in expressions that
// Prometheus' own grammar takes.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { checkIntegrity } from "../src/ledger/integrity/check.ts";
import { createApi } from "./api-support.ts";
import { scrape } from "./metrics-support.ts";
import { PROJECT } from "./support.ts";

type Rules = { groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[] };

const text = await Bun.file(join(PROJECT, "docs/alarms.yml")).text();
const rules = (Bun.YAML.parse(text) as Rules).groups.flatMap(group => group.rules);
const operations = await Bun.file(join(PROJECT, "docs/operations.md")).text();

/** What Prometheus adds to everything that it scrapes, and the one metric of its own. */
const TARGET_LABELS = ["instance", "job"];
const OF_PROMETHEUS = "up";

const api = await createApi();
await api.publishCard((await api.register()).key);
await checkIntegrity(api.sql, { full: true });
const { families } = await scrape(api);
const labelsOf = new Map([
  [OF_PROMETHEUS, new Set<string>()],
  ...families.flatMap(({ name, samples }) =>
    [name, ...samples.map(sample => sample.name)].map(
      sample => [sample, new Set(samples.flatMap(({ labels }) => Object.keys(labels)))] as const,
    ),
  ),
]);

/** The texts of all nodes of these kinds, and whether everything was understood. */
function readExpression(expression: string) {
  const found: Record<"Identifier" | "LabelName", string[]> = { Identifier: [], LabelName: [] };
  let isSound = true;
  parser.parse(expression).iterate({
    enter({ name, from, to, type }) {
      if (type.isError) isSound = false;
      if (name === "Identifier" || name === "LabelName") found[name].push(expression.slice(from, to));
    },
  });
  return { isSound, metrics: found.Identifier, labels: found.LabelName };
}

test.each(rules.map(({ alert, expr }) => [alert, expr] as const))("%s asks for what there is", (_, expr) => {
  const { isSound, metrics, labels } = readExpression(expr);
  expect(isSound).toBe(true);
  expect(metrics.length).toBeGreaterThan(0);
  for (const metric of metrics) expect([...labelsOf.keys()]).toContain(metric);
  const known = new Set([...TARGET_LABELS, ...metrics.flatMap(metric => [...(labelsOf.get(metric) ?? [])])]);
  for (const label of labels) expect([...known]).toContain(label);
});

test("an expression with a mistake in it is noticed", () => {
  expect(readExpression("sum(rate(up[5m])").isSound).toBe(false);
  expect(readExpression('up{job="x"} > 1')).toEqual({ isSound: true, metrics: ["up"], labels: ["job"] });
});

test("every alarm has a name of its own, a summary, and a line in the operator's table", () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, annotations } of rules) {
    expect(annotations.summary.length).toBeGreaterThan(10);
    expect(operations).toContain(`\`${alert}\``);
  }
});

test("every metric of ours is in the operator's table, and none that there is not", () => {
  const described = new Set([...operations.matchAll(/`(extrophi_[a-z_]+)`/g)].map(([, name = ""]) => name));
  const there = families.map(({ name }) => name).filter(name => name.startsWith("extrophi_"));
  expect([...described].sort()).toEqual(there.sort());
});
