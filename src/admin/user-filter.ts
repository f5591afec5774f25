// The account that a filter names, by id or username.

import { z } from "zod";
import type { Sql } from "../db.ts";
import { invalid } from "../problem.ts";
import { anyText } from "../text.ts";

/** No username has the form of an id. */
const id = z.guid();

/** An account's id or username. */
export const userText = anyText.min(1).max(255);

/**
 * The id of the account; undefined where none is named. Throws `validation` where nobody has the username: an empty
 * list would hide that it was mistyped.
 */
export async function findFilterUser(sql: Sql, name: string | undefined, pointer: string): Promise<string | undefined> {
  if (name === undefined || id.safeParse(name).success) return name;
  const [user] = await sql<{ id: string }[]>`SELECT id FROM users WHERE lower(username) = lower(${name})`;
  if (!user) throw invalid(pointer, "the id or username of an account that there is");
  return user.id;
}
