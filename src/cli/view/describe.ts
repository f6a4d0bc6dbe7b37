import { formatAge, formatDuration } from '../../api/age.ts';
import { findCondition } from '../../api/condition.ts';
import { type Container, type ContainerDetail, MANIFEST_ANNOTATION } from '../../api/container.ts';
import type { ContainerEvent } from '../../api/event.ts';
import type { NixStatus } from '../../api/generation.ts';
import { escapeLine, escapeLines } from '../../view/escape.ts';
import type { Paint } from '../../view/paint.ts';
import { type Cell, formatTable } from '../../view/table.ts';
import { chainOf } from './chain.ts';
import { chainText } from './chain-text.ts';
import { eventAge } from './event-table.ts';
import { type Attention, needsAttention } from './needs-attention.ts';
import { toYaml } from './output-yaml.ts';

/** Everything about one container, in kubectl's order: what it is, how it is, why, and what happened. */
export function describeContainer({ container, events }: ContainerDetail, now: number, paint: Paint): string {
  return [
    formatTable(facts(container, now), paint),
    whyNotReady(container, now, paint),
    attention(needsAttention(container), paint),
    section('Spec', specLines(container).join('')),
    section('Conditions', formatTable(conditionRows(container, now), paint, '  ')),
    section('Events', events.length === 0 ? '  <none>\n' : formatTable(eventRows(events, now), paint, '  ')),
  ].join('');
}

function facts(container: Container, now: number): readonly (readonly Cell[])[] {
  const { metadata, status } = container;
  const { [MANIFEST_ANNOTATION]: manifest = '<none>', ...annotations } = metadata.annotations ?? {};
  const ready = findCondition(status.conditions, 'Ready');
  const ago = (time: string) => `${time} (${formatAge(time, now)} ago)`;
  const rows: (readonly Cell[])[] = [
    ['Name:', metadata.name],
    ['Labels:', pairs(metadata.labels)],
    ['Annotations:', pairs(annotations)],
    ['Manifest:', manifest],
    ['Unit:', status.unit],
  ];
  if (status.foreignDropIns !== undefined && status.foreignDropIns.length > 0)
    rows.push(['Drop-ins:', `${status.foreignDropIns.join('\n')}`]);
  rows.push(
    ['Created:', ago(metadata.creationTimestamp)],
    ['Generation:', `${metadata.generation} (observed ${status.observedGeneration})`],
    ['Status:', status.phase],
    ['Ready:', ready === undefined ? 'Unknown' : `${ready.status} (${ready.reason})`],
    ['Restarts:', String(status.restarts)],
    ['Addresses:', status.addresses.length === 0 ? '<none>' : status.addresses.join('\n')],
  );
  if (status.nix !== undefined) rows.push(...systemRows(status.nix));
  if (status.leader !== undefined) rows.push(['Leader:', String(status.leader)]);
  if (status.startedAt !== undefined) rows.push(['Started:', ago(status.startedAt)]);
  if (status.waitingFor !== undefined) rows.push(['Waiting for:', status.waitingFor]);
  if (status.nextRetryTime !== undefined)
    rows.push(['Next retry:', `${status.nextRetryTime} (${formatDue(status.nextRetryTime, now)})`]);
  return rows;
}

function systemRows({ closure, generation, runningClosure }: NixStatus): readonly (readonly Cell[])[] {
  const rows: (readonly Cell[])[] = [
    ['System:', closure === undefined ? '<none>' : `${closure} (generation ${generation})`],
  ];
  if (runningClosure !== undefined && runningClosure !== closure) rows.push(['Runs:', runningClosure]);
  return rows;
}

function whyNotReady(container: Container, now: number, paint: Paint): string {
  const chain = chainOf(container);
  if (chain === null) return '';
  const { nextRetryTime } = container.status;
  const nextTry = nextRetryTime === undefined ? null : `${formatDue(nextRetryTime, now)} (${nextRetryTime})`;
  return section('Why not ready', chainText(chain, nextTry, paint));
}

function attention(found: readonly Attention[], paint: Paint): string {
  if (found.length === 0) return '';
  const lines = found.flatMap(({ type, reason, message, fix }) => [
    `  ${paint('warning', `${type}/${escapeLine(reason)}`)}`,
    ...escapeLines(message).map(line => `    ${line}`),
    ...(fix === null ? [] : [`    ${paint('bold', 'what to do:')} ${escapeLine(fix)}`]),
  ]);
  return section('Needs attention', `${lines.join('\n')}\n`);
}

function specLines({ spec }: Container): readonly string[] {
  return toYaml(spec)
    .trimEnd()
    .split('\n')
    .map(line => `  ${line}\n`);
}

function conditionRows({ status }: Container, now: number): readonly (readonly Cell[])[] {
  const rows = status.conditions.map(({ type, status: is, reason, lastTransitionTime, message }) => [
    type,
    is,
    reason,
    formatAge(lastTransitionTime, now),
    message,
  ]);
  return [['TYPE', 'STATUS', 'REASON', 'AGE', 'MESSAGE'], ...rows];
}

function eventRows(events: readonly ContainerEvent[], now: number): readonly (readonly Cell[])[] {
  const rows = events.map(event => {
    const { type, reason, message } = event;
    const shown: Cell = type === 'Warning' ? { text: type, style: 'warning' } : type;
    return [shown, reason, eventAge(event, now), message];
  });
  return [['TYPE', 'REASON', 'AGE', 'MESSAGE'], ...rows];
}

function section(title: string, body: string): string {
  return `\n${title}:\n${body}`;
}

function pairs(map: Readonly<Record<string, string>> = {}): string {
  const entries = Object.entries(map);
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join('\n');
}

function formatDue(time: string, now: number): string {
  const ms = Date.parse(time) - now;
  return ms <= 0 ? 'now' : `in ${formatDuration(ms + 999)}`;
}
