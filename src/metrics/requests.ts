// Requests by route template and status. A request costs two additions: what a route counts with is looked up once.

import { Counter, Histogram, type Registry } from "prom-client";

/** In seconds: an answer from memory takes one millisecond, and no statement runs for longer than 30 s. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What stands for all addresses without a route, and for all methods but these: strangers can make up any number of both. */
const UNMATCHED = "unmatched";
const OTHER_METHOD = "other";
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

type Series = { seconds: Histogram.Internal<string>; answers: Map<number, Counter.Internal> };

export class RequestMetrics {
  readonly #answers: Counter;
  readonly #seconds: Histogram;
  readonly #series = new Map<string, Series>();

  constructor(registry: Registry) {
    this.#answers = new Counter({
      name: "extrophi_http_requests_total",
      help: "Requests that were answered, by route and status",
      labelNames: ["method", "route", "status"],
      registers: [registry],
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
    const verb = METHODS.has(method) ? method : OTHER_METHOD;
    const route = template || UNMATCHED;
    const series = this.#find(verb, route);
    series.seconds.observe(seconds);
    let answers = series.answers.get(status);
    if (!answers) {
      answers = this.#answers.labels(verb, route, String(status));
      series.answers.set(status, answers);
    }
    answers.inc();
  }

  #find(verb: string, route: string): Series {
    const name = `${verb} ${route}`;
    let series = this.#series.get(name);
    if (!series) {
      series = { seconds: this.#seconds.labels(verb, route), answers: new Map() };
      this.#series.set(name, series);
    }
    return series;
  }
}
