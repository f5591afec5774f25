// What a Prometheus makes of a scrape: a strict parser of the text format, the numbers by name and labels, and what
// `promtool check metrics` would complain of.

import type { Api } from "./api-support.ts";

export type Sample = { name: string; labels: Readonly<Record<string, string>>; value: number };
export type Family = { name: string; help: string; type: string; samples: Sample[] };

export type Scrape = {
  families: Family[];
  /** The number with exactly these labels; undefined where there is none. */
  value(name: string, labels?: Record<string, string>): number | undefined;
};

/** Scrapes an app. */
export async function scrape(api: Pick<Api, "call">, headers: Record<string, string> = {}): Promise<Scrape> {
  const { status, text } = await api.call("GET", "/metrics", { headers });
  if (status !== 200) throw new Error(`the scrape was answered with ${status}: ${text}`);
  return readMetrics(text);
}

/** Reads the text format, version 0.0.4. Throws where a line is none of it, or stands in the wrong place. */
export function readMetrics(text: string): Scrape {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families: Family[] = [];
  let help: [name: string, text: string] | undefined;
  for (const line of text.split("\n").filter(Boolean)) {
    const [, name = "", words = ""] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    const [, typed = "", type = ""] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (name) help = [name, words];
    else if (typed) families.push({ name: typed, help: help?.[0] === typed ? help[1] : "", type, samples: [] });
    else addSample(families.at(-1), new SampleReader(line).read());
  }
  const samples = families.flatMap(family => family.samples);
  return {
    families,
    value: (name, labels = {}) =>
      samples.find(sample => sample.name === name && Bun.deepEquals(sample.labels, labels))?.value,
  };
}

function addSample(family: Family | undefined, sample: Sample): void {
  const suffixes = family?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (!family || !suffixes.some(suffix => sample.name === family.name + suffix)) {
    throw new Error(`${sample.name} stands among the samples of ${family?.name}`);
  }
  family.samples.push(sample);
}

/** Reads one line, character by character. */
class SampleReader {
  #at = 0;

  constructor(private readonly line: string) {}

  read(): Sample {
    const name = this.#take(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
    const labels: Record<string, string> = {};
    if (this.#skip("{")) {
      while (!this.#skip("}")) {
        const label = this.#take(/[a-zA-Z_][a-zA-Z0-9_]*/y);
        this.#require('="');
        labels[label] = this.#take(/(?:[^"\\\n]|\\["\\n])*/y);
        this.#require('"');
        if (!this.#skip(",") && this.line[this.#at] !== "}") this.#fail();
      }
    }
    this.#require(" ");
    const text = this.#take(/[^ ]+/y);
    const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
    if (this.#at < this.line.length || (Number.isNaN(value) && text !== "NaN")) this.#fail();
    return { name, labels, value };
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [text] = pattern.exec(this.line) ?? this.#fail();
    this.#at += text.length;
    return text;
  }

  #skip(text: string): boolean {
    const isThere = this.line.startsWith(text, this.#at);
    if (isThere) this.#at += text.length;
    return isThere;
  }

  #require(text: string): void {
    if (!this.#skip(text)) this.#fail();
  }

  #fail(): never {
    throw new Error(`no sample, from character ${this.#at} on: ${this.line}`);
  }
}

/** Complaints about names, help, units, repeated samples and histograms; none where all is well. */
export function lint({ families }: Scrape): string[] {
  const complaints: string[] = [];
  const seen = new Set<string>();
  const once = (what: string) => (seen.has(what) ? complaints.push(`${what} comes twice`) : seen.add(what));
  for (const { name, help, type, samples } of families) {
    once(name);
    if (!help) complaints.push(`${name} has no help`);
    if ((type === "counter") !== name.endsWith("_total")) complaints.push(`${name} is a ${type}`);
    if (/_(ms|milliseconds|kb|minutes|percent)(_|$)/.test(name)) complaints.push(`${name} is not in a base unit`);
    for (const sample of samples) once(`${sample.name} ${JSON.stringify(sample.labels)}`);
    if (type === "histogram") complaints.push(...lintHistogram(name, samples));
  }
  return complaints;
}

function lintHistogram(name: string, samples: readonly Sample[]): string[] {
  const seriesOf = ({ labels: { le: _, ...others } }: Sample) => JSON.stringify(others);
  const ofSuffix = (suffix: string) =>
    Map.groupBy(
      samples.filter(sample => sample.name === name + suffix),
      seriesOf,
    );
  const [buckets, counts, sums] = ["_bucket", "_count", "_sum"].map(ofSuffix);
  return [...(buckets ?? [])].flatMap(([series, bounds]) => {
    const numbers = bounds.map(({ value }) => value);
    const grows = numbers.every((number, index) => number >= (numbers[index - 1] ?? 0));
    const isWhole = bounds.at(-1)?.labels.le === "+Inf" && counts?.get(series)?.[0]?.value === numbers.at(-1);
    return grows && isWhole && sums?.has(series) ? [] : [`${name} ${series} has buckets that don't add up`];
  });
}
