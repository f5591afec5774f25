// The wire contract of accounts and keys.

import { z } from "zod";
import { SCOPES, scope } from "../auth/scopes.ts";
import { nameText, text, webAddress } from "../text.ts";

const USERNAME = /^[a-z0-9][a-z0-9_.-]{1,62}[a-z0-9]$/;
const UUID_SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const RESERVED = new Set(["admin", "system"]);

/** Shown in addresses and used as a payee, so it must look like nothing else: ASCII, and no id. */
export const username = z
  .string()
  .regex(USERNAME, "3 to 64 characters of a-z 0-9 _ . -, with a letter or digit at both ends")
  .refine(name => !UUID_SHAPE.test(name), "a name that does not look like an id")
  .refine(name => !RESERVED.has(name), "a name other than admin and system");

const email = z.email("an e-mail address").max(255, "at most 255 characters");
const displayName = nameText(0, 500);
const bio = text(0, 10_000);

export const registration = z.strictObject({
  username,
  email,
  display_name: displayName.nullish(),
  bio: bio.nullish(),
});
export type Registration = z.output<typeof registration>;

export const profileChange = z.strictObject({
  email: email.optional(),
  display_name: displayName.nullable().optional(),
  bio: bio.nullable().optional(),
  avatar_url: webAddress.nullable().optional(),
  profile_url: webAddress.nullable().optional(),
});
export type ProfileChange = z.output<typeof profileChange>;

/** The part of it that devices keep in step, whole. */
export const syncedProfile = z.strictObject({
  display_name: displayName.nullable(),
  bio: bio.nullable(),
  avatar_url: webAddress.nullable(),
  profile_url: webAddress.nullable(),
});

/** One's own account. */
export const profile = z.object({
  id: z.guid(),
  username: z.string(),
  email: z.string(),
  display_name: z.string().nullable(),
  bio: z.string().nullable(),
  avatar_url: z.string().nullable(),
  profile_url: z.string().nullable(),
  role: z.enum(["member", "auditor", "admin"]),
  balance: z.string(),
  is_active: z.boolean(),
  email_verified: z.boolean(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type Profile = z.output<typeof profile>;

export const registered = z.object({ user: profile, api_key: z.string() });

const KEYS_NAME_CHARACTERS_MAX = 100;
export const keyRequest = z.strictObject({
  name: nameText(1, KEYS_NAME_CHARACTERS_MAX),
  scopes: z
    .array(scope)
    .min(1)
    .max(SCOPES.length)
    .refine(list => new Set(list).size === list.length, "each scope once")
    .optional(),
  expires_at: z.iso
    .datetime({ offset: true, error: "a time such as 2030-01-31T12:00:00Z" })
    // An offset can carry the last day of 9999 over into a year that RFC 3339 can't write.
    .refine(time => Date.parse(time) < Date.UTC(10_000, 0), "a time before the year 10000")
    .nullish(),
});
export type KeyRequest = z.output<typeof keyRequest>;

/** A named key without its secret. */
export const namedKey = z.object({
  id: z.guid(),
  name: z.string(),
  prefix: z.string(),
  scopes: z.array(scope),
  created_at: z.string(),
  expires_at: z.string().nullable(),
});
export type NamedKey = z.output<typeof namedKey>;
export const newNamedKey = namedKey.extend({ api_key: z.string() });

export const rotated = z.object({ api_key: z.string() });
