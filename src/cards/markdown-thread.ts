// The thread that renders Markdown and the queue before it: one text after the other, each with a time limit.

import type { Logger } from "../log.ts";
import type { MarkdownResult } from "./markdown-worker.ts";

/**
 * A text that takes longer is given up. The worst known of the longest allowed take 200 ms of computing, honest ones 10
 * to 50; the rest is for a machine that is busy with other things.
 */
export const RENDER_MS_MAX = 500;

/** Who waits longer for a turn, or comes when so many wait, gets nothing: a plain page now is worth more. */
const TURN_MS_MAX = 2_000;
const WAITING_MAX = 200;

/** `too-hard`: refused, or cut off; `busy`: the text's turn did not come in time. */
export type Outcome = { html: string } | "too-hard" | "busy";

type Task = { source: string; since: number; resolve(outcome: Outcome): void };

/** Starts its thread with the first text; the thread does not keep the process alive. */
export class MarkdownThread {
  #worker: Promise<Worker> | undefined;
  #isWorking = false;
  readonly #waiting: Task[] = [];

  constructor(private readonly log: Logger) {}

  /** Renders one text when its turn comes. */
  render(source: string): Promise<Outcome> {
    if (this.#waiting.length >= WAITING_MAX) return Promise.resolve("busy");
    return new Promise(resolve => {
      this.#waiting.push({ source, since: performance.now(), resolve });
      if (!this.#isWorking) this.#work();
    });
  }

  /** Ends the thread; texts still waiting are given back. */
  close(): void {
    for (const task of this.#waiting.splice(0)) task.resolve("busy");
    this.#end();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let task = this.#waiting.shift(); task; task = this.#waiting.shift()) {
      const isLate = performance.now() - task.since > TURN_MS_MAX;
      task.resolve(isLate ? "busy" : await this.#run(task.source));
    }
    this.#isWorking = false;
  }

  async #run(source: string): Promise<Outcome> {
    const worker = await this.#start();
    if (!worker) return "busy";
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const giveUp = () => {
      this.#end();
      resolve("too-hard");
    };
    const timer = setTimeout(giveUp, RENDER_MS_MAX);
    worker.onerror = giveUp;
    worker.onmessage = ({ data }: MessageEvent<MarkdownResult>) => {
      if ("html" in data) resolve(data.html === undefined ? "too-hard" : { html: data.html });
    };
    worker.postMessage(source);
    const outcome = await promise;
    clearTimeout(timer);
    return outcome;
  }

  /** The thread, started where there is none; undefined where it can't be. */
  async #start(): Promise<Worker | undefined> {
    try {
      this.#worker ??= startWorker();
      return await this.#worker;
    } catch (error) {
      this.#worker = undefined;
      this.log.error({ message: (error as Error).message }, "the Markdown thread did not start");
      return undefined;
    }
  }

  #end(): void {
    this.#worker?.then(
      worker => worker.terminate(),
      () => {},
    );
    this.#worker = undefined;
  }
}

/** A thread that has loaded its code, so that loading counts against no text's time. */
function startWorker(): Promise<Worker> {
  const worker = new Worker(new URL("./markdown-worker.ts", import.meta.url), { ref: false });
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve(worker);
    worker.onerror = event => reject(new Error(event.message));
  });
}
