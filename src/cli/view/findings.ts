import { GROUP_VERSION } from '../../server/protocol.ts';
import type { Paint, Style } from '../../view/paint.ts';
import { type Cell, formatTable } from '../../view/table.ts';
import type { Finding } from '../doctor/finding.ts';
import { wrap } from './wrap.ts';

/** A line for each thing that was looked at; below what is wrong, what to do. */
export function formatFindings(findings: readonly Finding[], paint: Paint): string {
  return formatTable(
    findings.map(({ check, status, message, fix }): readonly Cell[] => [
      { text: status, style: STYLE[status] },
      check,
      [...wrap(message, TEXT_WIDTH), ...(fix === null ? [] : wrap(`-> ${fix}`, TEXT_WIDTH))].join('\n'),
    ]),
    paint,
  );
}

/** A line must fit beside the two columns before it on a usual terminal; commands are not cut, only put on a new line. */
const TEXT_WIDTH = 90;

const STYLE: Readonly<Record<Finding['status'], Style>> = { ok: 'good', warn: 'warning', fail: 'bad' };

/** For programs. */
export function findingList(findings: readonly Finding[]): object {
  return { kind: 'FindingList', apiVersion: GROUP_VERSION, metadata: {}, items: findings };
}
