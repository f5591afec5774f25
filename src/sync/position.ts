// Where a device is in the feed of its account, and the opaque cursor that says so: whose feed, of which history of the
// database, and up to which change.

import { z } from "zod";
import { invalid, Problem } from "../problem.ts";

/** `epoch` names the history that numbers are of (migrations/0007_sync.sql); all up to `changeNo` has been seen. */
export type Position = { userId: string; epoch: string; changeNo: number };

const values = z
  .tuple([z.guid(), z.string().regex(/^[0-9a-f]{32}$/), z.string().regex(/^(0|[1-9][0-9]{0,15})$/)])
  .transform(([userId, epoch, changeNo]): Position => ({ userId, epoch, changeNo: Number(changeNo) }));

/** The cursor of a position. */
export function encodePosition({ userId, epoch, changeNo }: Position): string {
  return Buffer.from(JSON.stringify([userId, epoch, String(changeNo)])).toString("base64url");
}

/**
 * The position that a cursor of this account names; undefined, from the beginning, without one. Throws `validation` for
 * what is no cursor, and `other-account`.
 */
export function decodePosition(cursor: string | undefined, userId: string): Position | undefined {
  if (cursor === undefined) return undefined;
  const position = read(cursor);
  if (!position) throw invalid("/cursor", "This is not a cursor of a pull; take it from `cursor`, as it is.");
  if (position.userId !== userId) {
    throw new Problem("other-account", {
      errors: [{ pointer: "/cursor", detail: "This is a cursor of another account." }],
    });
  }
  return position;
}

function read(cursor: string): Position | undefined {
  try {
    return values.safeParse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** The cursor names changes that the database does not have any more. */
export function cursorGone(): Problem {
  return new Problem("cursor-gone", {
    errors: [{ pointer: "/cursor", detail: "This cursor knows of changes that the server has no more." }],
  });
}
