import { escapeLine, escapeLines } from './escape.ts';
import type { Paint, Style } from './paint.ts';
import { displayWidth } from './width.ts';

/** A cell as it came from outside; the table escapes it. */
export type Cell = string | { readonly text: string; readonly style: Style };

const GAP = 3;
const PREFIX_WIDTH_MIN = 1;

/**
 * kubectl's look: no borders, three spaces between columns, nothing after the last. The last column may hold several
 * lines; the others are one line. (A table library took half a second for a thousand rows.)
 */
export function formatTable(rows: readonly (readonly Cell[])[], paint: Paint, indent = ''): string {
  const widths = columnWidths(rows);
  return rows.map(row => formatRow(row, widths, paint, indent)).join('');
}

export function columnWidths(
  rows: readonly (readonly Cell[])[],
  atLeast: readonly number[] = [],
): readonly number[] {
  const widths = [...atLeast];
  for (const row of rows) {
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? PREFIX_WIDTH_MIN, displayWidth(escapeLine(textOf(cell))));
  }
  return widths;
}

export function formatRow(
  row: readonly Cell[],
  widths: readonly number[],
  paint: Paint,
  indent = '',
): string {
  let line = indent;
  let before = indent.length;
  for (const [column, cell] of row.slice(0, -1).entries()) {
    const text = escapeLine(textOf(cell));
    const padded = (widths[column] ?? 0) + GAP;
    line += painted(cell, text, paint) + ' '.repeat(Math.max(GAP, padded - displayWidth(text)));
    before += padded;
  }
  const last = row.at(-1) ?? '';
  const [first = '', ...more] = escapeLines(textOf(last));
  const continued = more.map(text => `${' '.repeat(before)}${painted(last, text, paint)}`);
  return `${[line + painted(last, first, paint), ...continued].map(text => text.trimEnd()).join('\n')}\n`;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

function painted(cell: Cell, text: string, paint: Paint): string {
  return typeof cell === 'string' || text === '' ? text : paint(cell.style, text);
}
