import type { Container } from '../../api/container.ts';
import type { Columns } from '../../view/columns.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { evaluate } from '../jsonpath/evaluate.ts';
import { parsePathOnly } from '../jsonpath/parse-template.ts';
import { toText } from '../jsonpath/render.ts';
import type { Path } from '../jsonpath/template.ts';

interface Column {
  readonly header: string;
  readonly path: Path;
}

/** Columns that a person chose: `NAME:.metadata.name,PHASE:{.status.phase}`. A mistake is thrown, with its place. */
export function customColumns(spec: string): Columns {
  return toColumns(splitOutside(spec).map(part => parseColumn(part, spec)));
}

/** The same in a file: a line of headers, and a line of paths. */
export function customColumnsOfFile(text: string, file: string): Columns {
  const [headers = [], paths = []] = text
    .split(/\r?\n/)
    .map(line => line.trim().split(/\s+/).filter(Boolean));
  if (headers.length === 0 || headers.length !== paths.length)
    throw new CliError(EXIT.usage, `${file}: ${headers.length} headers and ${paths.length} paths`, [
      'the first line has the headers, the second as many paths',
    ]);
  return toColumns(
    headers.map((header, at) => ({ header, path: parsePathOnly(paths[at] ?? '', `${file}, ${header}`) })),
  );
}

function parseColumn(part: string, spec: string): Column {
  const colon = part.indexOf(':');
  if (colon < 1)
    throw new CliError(EXIT.usage, `-o custom-columns: not HEADER:PATH: "${part}"`, [
      `in ${spec}`,
      'such as NAME:.metadata.name,PHASE:.status.phase',
    ]);
  const header = part.slice(0, colon);
  return { header, path: parsePathOnly(part.slice(colon + 1), `-o custom-columns, column ${header}`) };
}

/** At commas, but not at those in brackets or quotes (kubectl splits at them, too). */
function splitOutside(spec: string): readonly string[] {
  return spec.match(/(?:\[(?:'[^']*'|"[^"]*"|[^\]'"])*\]|'[^']*'|[^,])+/g) ?? [spec];
}

function toColumns(columns: readonly Column[]): Columns {
  const row = (container: Container) => columns.map(({ path }) => cell(path, container));
  return {
    header: columns.map(({ header }) => header),
    row,
    deletedRow: row,
    news: container => JSON.stringify(row(container)),
  };
}

function cell(path: Path, container: Container): string {
  const found = evaluate(path, container).map(toText);
  return found.length === 0 ? '<none>' : found.join(',');
}
