// What the judge may find. None of them may ever occur; `lost`, `doubled` and `unbalanced` are the promise itself.

export const FINDINGS = {
  lost: "answered, and not there",
  doubled: "there, and no answer says so; or done twice",
  unbalanced: "an invariant of the books is violated, or the public total is not what was issued less what was burned",
  wrong: "there, and not what was asked for or answered",
  altered: "a retry got another answer than the first",
  unknown: "no definite answer in the end",
  unexpected: "an answer that a crash does not explain",
  schema: "the schema is not what the migrations made",
  journal: "a journal is torn, cut off or contradicts itself",
  kill: "a kill that does not count: nothing was in flight, or nothing succeeded afterwards",
} as const;

export type FindingKind = keyof typeof FINDINGS;
export type Finding = Readonly<{ kind: FindingKind; detail: string }>;
