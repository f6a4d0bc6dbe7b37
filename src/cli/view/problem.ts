import { formatProblem, type Problem } from '../../api/problem.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';

/** A problem as one line; for a person also the offending line with a caret under the place. */
export function formatProblemFor(problem: Problem, text: string | null, paint: Paint): string {
  const line = `${paint('bad', escapeLine(formatProblem(problem)))}\n`;
  const source = text?.split(/\r?\n/)[problem.line - 1];
  if (source === undefined || source.trim() === '') return line;
  const shown = escapeLine(source.slice(0, MAX_LINE));
  const before = escapeLine(source.slice(0, Math.min(problem.column - 1, MAX_LINE)));
  return `${line}  ${shown}\n  ${' '.repeat([...before].length)}${paint('bad', '^')}\n`;
}

const MAX_LINE = 300;
