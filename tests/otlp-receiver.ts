// A collector for tests: takes spans over OTLP/HTTP in JSON, and can be slow or refuse them.

export type ReceivedSpan = {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  links: string[];
  isError: boolean;
  attributes: Record<string, string | number>;
};

type Attribute = { key: string; value: Record<string, string | number> };
type Sent = {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: {
        name: string;
        kind: number;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        links?: { spanId: string }[];
        status: { code?: number };
        attributes: Attribute[];
      }[];
    }[];
  }[];
};

export type OtlpReceiver = {
  endpoint: string;
  spans: ReceivedSpan[];
  /** Everything that came, as it came. */
  bodies: string[];
  resource: Record<string, string | number>;
  stop(): Promise<void>;
};

/** Listens on a free port. `answer` stands for a collector in trouble. */
export function startOtlpReceiver(answer: () => Promise<Response> | Response = () => Response.json({})): OtlpReceiver {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      if (new URL(request.url).pathname !== "/v1/traces") return new Response(null, { status: 404 });
      const body = await request.text();
      receiver.bodies.push(body);
      for (const { resource, scopeSpans } of (JSON.parse(body) as Sent).resourceSpans) {
        receiver.resource = toRecord(resource.attributes);
        for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
          receiver.spans.push({
            ...span,
            parentSpanId: span.parentSpanId || undefined,
            links: (span.links ?? []).map(({ spanId }) => spanId),
            isError: span.status.code === 2,
            attributes: toRecord(span.attributes),
          });
        }
      }
      return answer();
    },
  });
  const receiver: OtlpReceiver = {
    endpoint: `http://127.0.0.1:${server.port}`,
    spans: [],
    bodies: [],
    resource: {},
    stop: () => server.stop(true),
  };
  return receiver;
}

function toRecord(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? ""]));
}
