import { formatAge } from '../../api/age.ts';
import type { ContainerEvent, EventObject } from '../../api/event.ts';
import type { Cell } from '../../view/table.ts';

export const EVENT_HEADER: readonly Cell[] = ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];

export function eventRow(event: EventObject, now: number): readonly Cell[] {
  const { type, reason, involvedObject, message } = event;
  const shown: Cell = type === 'Warning' ? { text: type, style: 'warning' } : type;
  const object = `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`;
  return [eventAge(event, now), shown, reason, object, message];
}

/** When it happened last, and how often since when, as kubectl describe has it. */
export function eventAge(
  {
    count,
    firstTimestamp,
    lastTimestamp,
  }: Pick<ContainerEvent, 'count' | 'firstTimestamp' | 'lastTimestamp'>,
  now: number,
): string {
  const last = formatAge(lastTimestamp, now);
  return count > 1 ? `${last} (x${count} over ${formatAge(firstTimestamp, now)})` : last;
}

/** The newest last; what happened at the same time stays as it came. */
export function byTime(events: readonly EventObject[]): readonly EventObject[] {
  return events.toSorted((a, b) => Date.parse(a.lastTimestamp) - Date.parse(b.lastTimestamp));
}
