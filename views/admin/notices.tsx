// What an operator is told: that something was done, or why it was not.

import { Html, type PropsWithChildren } from "@kitajs/html";
import { Prose } from "../components/text.tsx";
import type { Field } from "./filters.tsx";

export type ProblemMessage = Readonly<{
  title: string;
  detail: string;
  errors: readonly Readonly<{ pointer: string; detail: string }>[];
}>;

export type ProblemNoticeProps = {
  problem: ProblemMessage;
  /** The page's heading says what it is about. */
  isTitled?: boolean;
  /** The form beside it, whose labels tell what is meant. */
  fields?: readonly Field[];
};

/** Why nothing was changed, or shown. */
export function ProblemNotice({ problem, isTitled = false, fields = [] }: ProblemNoticeProps) {
  const labels = new Map(fields.map(({ name, label }) => [name, label]));
  const labelOf = (name: string) => labels.get(name) ?? (name.replaceAll("_", " ") || "The form");
  return (
    <section class="notice problem" role="alert" id="problem">
      {isTitled ? "" : <h2 safe>{problem.title}</h2>}
      {problem.errors.length > 0 ? (
        <ul>
          {problem.errors.map(({ pointer, detail }) => (
            <li>
              <strong safe>{labelOf(pointer.split("/").filter(Boolean).join(" "))}</strong>:{" "}
              <span safe>
                {
                  // The API names the other end of a range by its parameter, which nobody sees who has a form before them.
                  detail.replace(/`(\w+)`/g, (_, name: string) => `“${labelOf(name)}”`)
                }
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <Prose text={problem.detail} />
      )}
    </section>
  );
}

/** That something was done. */
export function DoneNotice({ children }: PropsWithChildren) {
  return (
    <p class="notice done" role="status">
      {children}
    </p>
  );
}

/** Where a list has nothing to show: why, and what to do. */
export function Empty({ children }: PropsWithChildren) {
  return <p class="empty">{children}</p>;
}

/** In place of figures that take seconds to add up: `path` is asked for them, and answers when they are there. */
export function Awaited({ id, path }: { id: string; path: string }) {
  return (
    <div
      id={id}
      hx-get={path}
      hx-trigger="load"
      hx-select={`#${id}`}
      hx-target={`#${id}`}
      hx-swap="outerHTML"
      aria-busy="true"
    >
      <p class="notice warning" role="status">
        The figures are being added up, which takes some seconds. They show here when they are there; where they don't,
        load the page again.
      </p>
    </div>
  );
}
