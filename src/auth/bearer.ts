// The secret that a request brings in `Authorization: Bearer …` (RFC 6750).

/** Undefined where there is none, or in another form. */
export function bearerOf(request: Request): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}
