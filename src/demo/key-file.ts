// The file that `--with-keys` names: one line a user, username and key with a tab in between, for its owner's eyes only.

import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { StartError } from "../start-error.ts";
import type { DemoKey } from "./keys.ts";

/** Opened before the work begins, so that a path that can't be written is known before minutes have passed. */
export class KeyFile {
  readonly #handle: number;
  readonly #onExit = () => this.discard();

  /** Throws StartError where there is such a file already, or none can be made. */
  constructor(private readonly path: string) {
    try {
      this.#handle = openSync(path, "wx", 0o600);
    } catch (error) {
      throw new StartError(
        (error as { code?: string }).code === "EEXIST"
          ? `The file ${path} exists already. Name another one for the keys, or remove it.`
          : `The keys can't be written to ${path}: ${(error as Error).message}`,
      );
    }
    process.once("exit", this.#onExit);
  }

  write(keys: readonly DemoKey[]): void {
    process.off("exit", this.#onExit);
    writeSync(this.#handle, keys.map(({ username, apiKey }) => `${username}\t${apiKey}\n`).join(""));
    closeSync(this.#handle);
  }

  /** The demo did not come about, also because of a Ctrl-C, so there are no keys. */
  discard(): void {
    process.off("exit", this.#onExit);
    closeSync(this.#handle);
    rmSync(this.path, { force: true });
  }
}
