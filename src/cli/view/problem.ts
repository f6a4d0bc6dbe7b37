import { formatProblem, type Problem } from '../../api/problem.ts';
import { escapeLine } from '../../view/escape.ts';
import type { Paint } from '../../view/paint.ts';
import { displayWidth } from '../../view/width.ts';

/**
 * Problems in the order in which one goes through the files, each as one line; for a person also the offending line with a
 * caret under the place. `textOf` has the texts of files as they were read.
 */
export function formatProblems(
  problems: readonly Problem[],
  textOf: ReadonlyMap<string, string>,
  paint: Paint,
): string {
  const linesOf = new Map([...textOf].map(([file, text]) => [file, text.split(/\r?\n/)]));
  return inOrder(problems)
    .map(problem => {
      const source = linesOf.get(problem.file)?.[problem.line - 1];
      const line = `${paint('bad', escapeLine(formatProblem(problem)))}\n`;
      return source === undefined ? line : line + excerpt(source, problem.column, paint);
    })
    .join('');
}

/** Files in the order in which they come up first; in each by line and column. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map<string, number>();
  for (const { file } of problems) if (!files.has(file)) files.set(file, files.size);
  const rank = ({ file }: Problem) => files.get(file) ?? 0;
  return [...problems].sort(
    (one, other) => rank(one) - rank(other) || one.line - other.line || one.column - other.column,
  );
}

/** The part of a line around a column (1-based, in UTF-16 units), and a caret below it. */
function excerpt(source: string, column: number, paint: Paint): string {
  if (source.trim() === '') return '';
  const at = Math.min(column - 1, source.length);
  const isLong = source.length > MAX_SHOWN;
  const start = isLong && at > MAX_SHOWN / 2 ? at - MAX_SHOWN / 2 : 0;
  const end = Math.min(start + MAX_SHOWN, source.length);
  const before = (start > 0 ? '…' : '') + showable(source.slice(start, at));
  const after = showable(source.slice(at, end)) + (end < source.length ? '…' : '');
  return `  ${before}${after}\n  ${' '.repeat(displayWidth(before))}${paint('bad', '^')}\n`;
}

/** Fits into a window of the usual width, with the indent. */
const MAX_SHOWN = 76;

/** A tab would stand where the terminal likes; half of a pair is no character. */
function showable(text: string): string {
  return escapeLine(text.replaceAll('\t', '    ').replaceAll(/\p{Surrogate}/gu, '\ufffd'));
}
