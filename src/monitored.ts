// What monitors ask for: it goes on answering when everybody else is asked to wait.

const PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

/** Whether a path is one of theirs. */
export function isMonitored(path: string): boolean {
  return PATHS.has(path);
}

/** Whether a request asks for one of them; its address is absolute, as Bun gives it. */
export function asksForMonitored({ url }: Request): boolean {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return isMonitored(url.slice(start, end < 0 ? undefined : end));
}
