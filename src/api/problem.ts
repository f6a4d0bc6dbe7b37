/**
 * One thing a person wrote that cannot be accepted. Values, never exceptions: all of them are collected and shown at
 * once, as `file:line:column: spec.hostAddress: not an IPv4 address: "10.231.136"`.
 */
export interface Problem {
  /** Path of the file, as the source names it. */
  readonly file: string;
  /** 1-based; 1:1 where the problem is the file itself. */
  readonly line: number;
  readonly column: number;
  /** Field path such as `spec.hostAddress`; empty for the document or the file itself. */
  readonly field: string;
  readonly message: string;
}

/** The one text form of a problem: log, `validate` and the `ManifestValid` condition all show this. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  return problem.field === ''
    ? `${place}: ${problem.message}`
    : `${place}: ${problem.field}: ${problem.message}`;
}
