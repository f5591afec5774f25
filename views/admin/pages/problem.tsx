// A page that can't be shown, and why.

import { Html } from "@kitajs/html";
import { type ProblemMessage, ProblemNotice } from "../notices.tsx";

export function ProblemPage({ problem }: { problem: ProblemMessage }) {
  return (
    <>
      <h1 safe>{problem.title}</h1>
      <ProblemNotice problem={problem} isTitled={true} />
    </>
  );
}
