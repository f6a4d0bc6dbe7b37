import type { Sample } from './statistics.ts';

/** What was measured, or why it was not. */
export type Row =
  | { readonly name: string; readonly sample: Sample }
  | { readonly name: string; readonly missing: string };

const NAME_WIDTH = 44;

/** A table of one measurement side by side; the first row is what the others are compared with. `goal` is in its words. */
export function table(title: string, rows: readonly Row[], goal = '', unit = 'ms'): string {
  const first = rows[0];
  const base = first !== undefined && 'sample' in first ? first.sample.median : Number.NaN;
  const header = line('', ['median', 'middle half', 'ratio', 'n']);
  const lines = rows.map(row => {
    if ('missing' in row) return `${row.name.padEnd(NAME_WIDTH)}  not measured: ${row.missing}`;
    const { median, lower, upper, count } = row.sample;
    return line(row.name, [
      `${digits(median)} ${unit}`,
      `${digits(lower)}..${digits(upper)}`,
      Number.isNaN(base) ? '' : (median / base).toFixed(2),
      String(count),
    ]);
  });
  return `${[title, ...(goal === '' ? [] : [`goal: ${goal}`]), header, ...lines].join('\n')}\n`;
}

/** Figures that are not compared with each other, each with its goal. */
export function figures(
  title: string,
  rows: readonly { readonly name: string; readonly value: string; readonly goal?: string }[],
): string {
  const lines = rows.map(({ name, value, goal = '' }) =>
    `${name.padEnd(NAME_WIDTH)}  ${value.padStart(12)}  ${goal === '' ? '' : `goal: ${goal}`}`.trimEnd(),
  );
  return `${[title, ...lines].join('\n')}\n`;
}

const WIDTHS = [10, 16, 7, 4];

function line(name: string, cells: readonly string[]): string {
  return [name.padEnd(NAME_WIDTH), ...cells.map((cell, index) => cell.padStart(WIDTHS[index] ?? 0))].join(
    '  ',
  );
}

/** Three digits that count: 0.42, 8.31, 76.5, 1530. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
