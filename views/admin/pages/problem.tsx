// A page that can't be shown: why, and where to go instead.

import { Html } from "@kitajs/html";
import { attribute } from "../../components/text.tsx";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";

export type Way = Readonly<{ title: string; path: string }>;

export function ProblemPage({ problem, ways }: { problem: ProblemMessage; ways: readonly Way[] }) {
  return (
    <>
      <h1 safe>{problem.title}</h1>
      <ProblemNotice problem={problem} isTitled={true} />
      <p class="actions">
        {ways.map(({ title, path }) => (
          <a class="button" href={attribute(path)} safe>
            {title}
          </a>
        ))}
        <span class="soft">The search box above finds any id, name or slug.</span>
      </p>
    </>
  );
}
