import type { SourceStatus } from '../controller/ports.ts';
import { escapeLine } from './escape.ts';

/** What the table cannot show: that the directory behind it has problems, or that deletions wait. Lines for stderr. */
export function sourceFooter(source: SourceStatus): readonly string[] {
  const lines: string[] = [];
  const directory = escapeLine(source.directory);
  const files = new Set(source.problems.map(problem => problem.file)).size;
  if (files > 0)
    lines.push(
      `${files} ${files === 1 ? 'file has' : 'files have'} problems; see nspawnctl validate ${directory}`,
    );
  if (source.held !== null) {
    const { names } = source.held;
    lines.push(
      `${count(names.length, 'deletion')} held; see nspawnctl prune, which also shows how to confirm`,
    );
  } else if (!source.isHealthy) {
    lines.push(`${directory}: ${escapeLine(source.message)}`);
  }
  return lines;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
