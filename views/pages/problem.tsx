// Pages about what went wrong: the answer to a browser that asked in vain, and the explanations that problem
// documents link to.

import { Html } from "@kitajs/html";
import { type ProblemSlug, problems } from "../../src/problem.ts";
import { Prose } from "../components/text.tsx";
import { Layout } from "../layout.tsx";

export type FailurePageProps = { slug: ProblemSlug; detail: string; requestId: string };

/** What a browser sees instead of a problem document. */
export function FailurePage({ slug, detail, requestId }: FailurePageProps) {
  const { status, title } = problems[slug];
  return (
    <Layout title={title}>
      <section class="failure">
        <p class="status">{status}</p>
        <h1>{title}</h1>
        <Prose text={detail} />
        <p>
          <a href="/">Go to the front page</a>
        </p>
        <p class="meta">
          <span>
            Request <code safe>{requestId}</code>
          </span>
        </p>
      </section>
    </Layout>
  );
}

/** What one kind of problem means. */
export function ProblemPage({ slug, baseUrl }: { slug: ProblemSlug; baseUrl: string }) {
  const { status, title, explanation } = problems[slug];
  return (
    <Layout title={title} description={explanation.replaceAll("`", "")} canonical={`${baseUrl}/problems/${slug}`}>
      <section class="failure">
        <p class="status">{status}</p>
        <h1>{title}</h1>
        <Prose text={explanation} />
        <p class="meta">
          <span>
            Type <code safe>{`/problems/${slug}`}</code>
          </span>
          <a href="/problems">All problems</a>
        </p>
      </section>
    </Layout>
  );
}

/** Every kind of problem, by status. */
export function ProblemsPage({ baseUrl }: { baseUrl: string }) {
  return (
    <Layout
      title="Problems"
      description="What the API answers when it refuses something."
      canonical={`${baseUrl}/problems`}
    >
      <header class="hero">
        <h1>Problems</h1>
        <p>What the API answers when it refuses something, as problem documents (RFC 9457).</p>
      </header>
      <ul class="problems" role="list">
        {Object.entries(problems).map(([slug, { status, title }]) => (
          <li>
            <span class="status">{status}</span>
            <a href={`/problems/${slug}`}>{title}</a>
          </li>
        ))}
      </ul>
    </Layout>
  );
}
