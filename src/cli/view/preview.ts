import type { FieldChange, Preview } from '../../controller/ports.ts';
import { escapeLine, escapeLines } from '../../view/escape.ts';
import type { Paint, Style } from '../../view/paint.ts';
import { type Cell, formatTable } from '../../view/table.ts';

/** What would happen to one container: the fields that change, each with what that costs, then the plan. */
export function formatPreview({ name, changes, plan }: Preview, paint: Paint): string {
  const title = `${paint('bold', `container/${escapeLine(name ?? '<unnamed>')}`)}\n`;
  const fields = changes.length === 0 ? '' : formatTable(changes.map(changeRow), paint, '  ');
  const steps =
    plan === ''
      ? '  nothing to do\n'
      : escapeLines(plan)
          .map(line => `    ${line}\n`)
          .join('');
  return `${title}${fields}${plan === '' ? steps : `  plan:\n${steps}`}`;
}

/** Whether there is anything to show. */
export function isDifference({ changes, plan }: Preview): boolean {
  return changes.length > 0 || plan !== '';
}

const CLASS_STYLE: Readonly<Record<FieldChange['changeClass'], Style>> = {
  live: 'good',
  reload: 'warning',
  restart: 'bad',
};

function changeRow({ field, before, after, changeClass }: FieldChange): readonly Cell[] {
  return [
    field,
    { text: changeClass, style: CLASS_STYLE[changeClass] },
    `${oneLine(before)} -> ${oneLine(after)}`,
  ];
}

function oneLine(value: string | null): string {
  return value === null ? '<none>' : value.replaceAll('\n', '\\n');
}
