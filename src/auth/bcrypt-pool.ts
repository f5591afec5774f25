// A few bcrypt threads and the queue before them.

import { availableParallelism } from "node:os";
import { Problem } from "../problem.ts";
import type { BcryptResult, BcryptTask } from "./bcrypt-worker.ts";

/** Tasks that may wait: at 70 ms each they'd take over a minute, and nobody waits longer for a sign-in. */
const WAITING_MAX = 1000;
const WORKERS_MAX = 4;

type Waiting = { worker: Worker; resolve: (value: boolean | string) => void; reject: (error: Error) => void };

/**
 * bcrypt off the event loop. The threads start with the first task and don't keep the process alive. What a thread has to do
 * when it fails is rejected, and the next task starts another one.
 */
export class BcryptPool {
  readonly #workers = new Map<number, Worker>();
  readonly #waiting = new Map<number, Waiting>();
  #lastNo = 0;

  constructor(
    readonly cost: number,
    private readonly size = Math.max(1, Math.min(WORKERS_MAX, availableParallelism() - 1)),
  ) {}

  /** Tasks that wait or run. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** A new hash of a key. Throws `unavailable` when too many wait. */
  async hash(key: string): Promise<string> {
    return (await this.#run({ key, cost: this.cost })) as string;
  }

  /** Whether the key hashes to `hash`. Throws `unavailable` when too many wait. */
  async matches(key: string, hash: string): Promise<boolean> {
    return (await this.#run({ key, hash })) as boolean;
  }

  #run(task: { key: string } & ({ hash: string } | { cost: number })): Promise<boolean | string> {
    if (this.#waiting.size >= WAITING_MAX) throw new Problem("unavailable", { headers: { "retry-after": "10" } });
    const no = ++this.#lastNo;
    const worker = this.#worker(no % this.size);
    return new Promise((resolve, reject) => {
      this.#waiting.set(no, { worker, resolve, reject });
      worker.postMessage({ ...task, no } satisfies BcryptTask);
    });
  }

  #worker(index: number): Worker {
    const running = this.#workers.get(index);
    if (running) return running;
    const worker = new Worker(new URL("./bcrypt-worker.ts", import.meta.url), { ref: false });
    worker.onmessage = ({ data }: MessageEvent<BcryptResult>) => {
      this.#waiting.get(data.no)?.resolve(data.value);
      this.#waiting.delete(data.no);
    };
    const fail = (reason: string) => {
      if (this.#workers.get(index) === worker) this.#workers.delete(index);
      worker.terminate();
      for (const [no, task] of this.#waiting) {
        if (task.worker === worker && this.#waiting.delete(no)) task.reject(new Error(`a bcrypt thread ${reason}`));
      }
    };
    worker.addEventListener("error", ({ message }) => fail(`failed: ${message}`));
    worker.addEventListener("close", () => fail("ended"));
    this.#workers.set(index, worker);
    return worker;
  }

  /** Ends the threads, and rejects what is still waiting. */
  close(): void {
    for (const worker of this.#workers.values()) worker.terminate();
    this.#workers.clear();
  }
}
