// What keys may do. The account key has every scope; a named key those it was made with.

import { z } from "zod";
import { Problem } from "../problem.ts";

export const SCOPES = ["read", "publish", "attribute", "transfer", "sync", "profile", "keys", "admin"] as const;

export type Scope = (typeof SCOPES)[number];
export const scope = z.enum(SCOPES);

/** What a named key gets when nothing is said: all but what could make more keys or rule over others. */
export const DEFAULT_SCOPES: readonly Scope[] = SCOPES.filter(name => name !== "keys" && name !== "admin");

export type Role = "member" | "auditor" | "admin";

/** Who makes a request, and with which key. */
export type Caller = Readonly<{
  userId: string;
  /** The account key's id (users.account_key_id), or that of a row in api_keys. */
  keyId: string;
  isAccountKey: boolean;
  scopes: ReadonlySet<Scope>;
}>;

/** For what no named key may do, whatever its scopes: `what` is the end of the sentence "Only the account key may". Throws `forbidden`. */
export function requireAccountKey(caller: Caller, what: string): void {
  if (!caller.isAccountKey) throw new Problem("forbidden", { detail: `Only the account key may ${what}.` });
}
