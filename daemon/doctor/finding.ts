/** What an examination finds. `ok` means that nothing found is an error: warnings and infos are for people to weigh. */
export type Finding = {
  readonly level: 'error' | 'warning' | 'info';
  /** For programs; stays as it is when the words change. */
  readonly code: string;
  readonly message: string;
  /** What to do about it. */
  readonly mend: string;
};

type Say = (code: string, message: string, mend: string) => Finding;
const at =
  (level: Finding['level']): Say =>
  (code, message, mend) => ({ level, code, message, mend });
export const error = at('error');
export const warning = at('warning');
export const info = at('info');

/** Errors first; among equals the order in which they were found. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const rank = { error: 0, warning: 1, info: 2 };
  return findings.toSorted((a, b) => rank[a.level] - rank[b.level]);
}

export const wordsOf = (problem: unknown): string => (problem instanceof Error ? problem.message : String(problem));
