import type { OverallStatus } from '../controller/ports.ts';
import { escapeLine } from './escape.ts';

/** What the table cannot show: problems of the directory behind it, deletions that wait, names not in force. Lines for stderr. */
export function sourceFooter(source: OverallStatus): readonly string[] {
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
  if (source.namesFault !== '')
    lines.push(`names of containers are not up to date: ${escapeLine(source.namesFault)}`);
  return lines;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
