// From the text of a key to its caller: form, then the bounded cache, then the database and bcrypt.

import { LRUCache } from "lru-cache";
import type { Sql } from "../db.ts";
import { sha256 } from "../sha256.ts";
import type { BcryptPool } from "./bcrypt-pool.ts";
import { isWellFormedKey, keyPrefix } from "./key.ts";
import { type Caller, SCOPES, type Scope } from "./scopes.ts";

/** Verified keys that are remembered; about 300 bytes each. */
const CACHED_KEYS_MAX = 20_000;

type Candidate = { user_id: string; key_id: string; key_hash: string; is_account_key: boolean; scopes: Scope[] | null };

/** Verifies API keys. One instance a process. */
export class KeyVerifier {
  readonly #known = new LRUCache<string, Caller>({ max: CACHED_KEYS_MAX });
  readonly #running = new Map<string, Promise<Caller | undefined>>();
  #decoyHash: Promise<string> | undefined;
  #hits = 0;
  #misses = 0;

  constructor(
    private readonly sql: Sql,
    private readonly bcrypt: BcryptPool,
  ) {}

  /** The caller of a key that was verified before in this process. Its row must still be checked (live-key.ts). */
  recall(key: string): Caller | undefined {
    const caller = this.#known.get(fingerprint(key));
    if (caller) this.#hits++;
    else this.#misses++;
    return caller;
  }

  /** Keys that are remembered, and how often one was found among them or not. */
  get cache(): Readonly<{ keys: number; hits: number; misses: number }> {
    return { keys: this.#known.size, hits: this.#hits, misses: this.#misses };
  }

  /** Whether a request is waiting for this key's verification already. */
  isVerifying(key: string): boolean {
    return this.#running.has(fingerprint(key));
  }

  /**
   * Verifies a key against the database; undefined for any that is not good. Requests that bring the same key
   * at the same time share one verification. An unknown prefix costs a bcrypt comparison like a wrong secret.
   */
  async verify(key: string): Promise<Caller | undefined> {
    if (!isWellFormedKey(key)) return undefined;
    const print = fingerprint(key);
    let running = this.#running.get(print);
    if (!running) {
      running = this.#search(key).finally(() => this.#running.delete(print));
      this.#running.set(print, running);
    }
    const caller = await running;
    if (caller) this.#known.set(print, caller);
    return caller;
  }

  /** Remembers a key that this process has just made, so that its first use costs no bcrypt. */
  remember(key: string, caller: Caller): void {
    this.#known.set(fingerprint(key), caller);
  }

  /** Forgets a key that turned out to be dead; true where it was remembered. */
  forget(key: string): boolean {
    return this.#known.delete(fingerprint(key));
  }

  async #search(key: string): Promise<Caller | undefined> {
    const prefix = keyPrefix(key);
    const candidates = await this.sql<Candidate[]>`
      SELECT user_id, key_id, key_hash, is_account_key, scopes FROM find_keys(${prefix})`;
    if (candidates.length === 0) {
      await this.bcrypt.matches(key, await this.#decoy());
      return undefined;
    }
    for (const found of candidates) {
      if (!(await this.bcrypt.matches(key, found.key_hash))) continue;
      if (found.is_account_key) await this.#retireOthers(found);
      return {
        userId: found.user_id,
        keyId: found.key_id,
        isAccountKey: found.is_account_key,
        scopes: new Set(found.is_account_key ? SCOPES : found.scopes),
      };
    }
    return undefined;
  }

  /** The hash that unknown prefixes are compared with; made again where too many waited for it to be made. */
  #decoy(): Promise<string> {
    this.#decoyHash ??= this.bcrypt.hash("no key is this").catch(error => {
      this.#decoyHash = undefined;
      throw error;
    });
    return this.#decoyHash;
  }

  /** The account key of before a rotation works until the new one is first used, which is now. */
  async #retireOthers(found: Candidate): Promise<void> {
    await this.sql`
      DELETE FROM api_keys k USING users u
      WHERE u.id = ${found.user_id}::uuid AND u.account_key_id = ${found.key_id}::uuid
        AND k.user_id = u.id AND k.kind = 'retiring'`;
  }
}

/** What stands for a key in memory, so that a dump of the process holds no usable one. */
function fingerprint(key: string): string {
  return sha256(key, "base64");
}
