import { type ContainerEvent, MAX_EVENTS_PER_OBJECT } from '../api/event.ts';
import type { EventFact } from './step-events.ts';

/** Adds an event to an object's history; a repetition of one of the last few is counted instead. Newest last. */
export function appendEvent(
  events: readonly ContainerEvent[],
  fact: EventFact,
  now: string,
): readonly ContainerEvent[] {
  const index = events.findLastIndex(
    (event, at) =>
      at >= events.length - REPETITION_REACH &&
      event.reason === fact.reason &&
      event.message === fact.message,
  );
  const known = index < 0 ? undefined : events[index];
  const event: ContainerEvent =
    known === undefined
      ? { ...fact, count: 1, firstTimestamp: now, lastTimestamp: now }
      : { ...known, count: known.count + 1, lastTimestamp: now };
  return [...events.filter(other => other !== known), event].slice(-MAX_EVENTS_PER_OBJECT);
}

/** How far back something counts as the same thing happening again. */
const REPETITION_REACH = 10;
