// What can go wrong between a device and the server, as the app gets to see it: nobody answered, the server said no,
// the key is another account's, or a card was private.

/** A problem document of the server (RFC 9457). */
export type ProblemDocument = {
  /** `/problems/<code>`, where the server explains it. */
  type: string;
  detail: string;
  /** Of bad values: where in the request they are, as JSON pointers. */
  errors: readonly { pointer: string; detail: string }[];
};

/** The server refused the request, and would again. `code` tells why. */
export class Refused extends Error {
  override name = "Refused";
  /** The last part of the problem's type: `validation`, `unauthenticated`, … */
  readonly code: string;

  constructor(
    readonly status: number,
    readonly problem: ProblemDocument,
  ) {
    super(problem.detail);
    this.code = problem.type.replace("/problems/", "");
  }

  /** The key is dead: no request with it will do anything. */
  get isKeyDead(): boolean {
    return this.code === "unauthenticated";
  }

  /** Whether the fault lies in the list `field` of the body (its values, their size or depth), not around it. */
  isAbout(field: string): boolean {
    if (this.code === "validation") return this.problem.errors.some(({ pointer }) => pointer.startsWith(`/${field}`));
    return this.code === "payload-too-large" || this.code === "malformed-json";
  }
}

/**
 * No answer of the server came, however often it was asked: what was asked for may have been done or not. Whatever
 * stands between may have answered, with `status`.
 */
export class Unreachable extends Error {
  override name = "Unreachable";
  readonly status: number | undefined;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { status, retryAfterMs, cause }: { status?: number; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether an error held up one request and none of the others: no scope for it, or too large for a proxy on the way. */
export function isPartial(error: unknown): boolean {
  return (
    (error instanceof Unreachable && error.status === 413) || (error instanceof Refused && error.code === "forbidden")
  );
}

/** The key belongs to another account than what is on this device, of which nothing was sent. `switchAccount` says what to do. */
export class OtherAccount extends Error {
  override name = "OtherAccount";

  constructor() {
    super("The API key belongs to another account than the data on this device. Nothing was sent. Call switchAccount.");
  }
}

/** Cards that are not BUSINESS or IDEAS were to be published. Nothing was queued; `places` are those in the list. */
export class PrivateCards extends Error {
  override name = "PrivateCards";

  constructor(readonly places: readonly number[]) {
    super("Only cards with the level BUSINESS or IDEAS leave this device.");
  }
}
