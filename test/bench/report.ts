import type { Sample } from './statistics.ts';

export interface Row {
  readonly name: string;
  readonly sample: Sample;
}

/** A table of one measurement side by side; the first row is what the others are compared with. */
export function table(title: string, rows: readonly Row[]): string {
  const base = rows[0]?.sample.median ?? Number.NaN;
  const lines = rows.map(({ name, sample }) =>
    [
      name.padEnd(36),
      `${sample.median.toFixed(0)} ms`.padStart(9),
      `${sample.lower.toFixed(0)}..${sample.upper.toFixed(0)}`.padStart(12),
      (sample.median / base).toFixed(2).padStart(7),
      String(sample.count).padStart(4),
    ].join('  '),
  );
  const head = ['', 'median', 'middle half', 'ratio', 'n'];
  const header = [
    head[0]?.padEnd(36),
    head[1]?.padStart(9),
    head[2]?.padStart(12),
    head[3]?.padStart(7),
    head[4]?.padStart(4),
  ].join('  ');
  return `${title}\n${header}\n${lines.join('\n')}\n`;
}
