// Requests by route template and status. A request costs two additions: what it counts with is found by its route in a map.

import { Counter, Histogram, type Registry } from "prom-client";

/** In seconds: an answer from memory takes one millisecond, and all but waits and checks of everything end within 27 s. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What stands for all addresses without a route, and for all methods but these: strangers can make up any number of both. */
const UNMATCHED = "unmatched";
const OTHER_METHOD = "other";
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

type Series = {
  labels: { method: string; route: string };
  seconds: Histogram.Internal<string>;
  /** How many answers had each status. */
  answers: Map<number, number>;
};

export class RequestMetrics {
  readonly #seconds: Histogram;
  readonly #series = new Map<string, Series>();

  constructor(registry: Registry) {
    const series = this.#series;
    new Counter({
      name: "extrophi_http_requests_total",
      help: "Requests that were answered, by route and status",
      labelNames: ["method", "route", "status"],
      registers: [registry],
      // Its own increments would look their labels up for every request.
      collect() {
        this.reset();
        for (const { labels, answers } of series.values()) {
          for (const [status, count] of answers) this.inc({ ...labels, status }, count);
        }
      },
    });
    this.#seconds = new Histogram({
      name: "extrophi_http_request_duration_seconds",
      help: "From a request's arrival until its answer was handed over",
      labelNames: ["method", "route"],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    });
  }

  /** Counts an answered request; `template` is that of its route, undefined where none matched. */
  count(method: string, template: string | undefined, status: number, seconds: number): void {
    const series = this.#find(METHODS.has(method) ? method : OTHER_METHOD, template || UNMATCHED);
    series.seconds.observe(seconds);
    series.answers.set(status, (series.answers.get(status) ?? 0) + 1);
  }

  #find(method: string, route: string): Series {
    const name = `${method} ${route}`;
    let series = this.#series.get(name);
    if (!series) {
      series = { labels: { method, route }, seconds: this.#seconds.labels(method, route), answers: new Map() };
      this.#series.set(name, series);
    }
    return series;
  }
}
