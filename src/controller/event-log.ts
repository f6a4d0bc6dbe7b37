import { type ContainerEvent, MAX_EVENTS_PER_OBJECT } from '../api/event.ts';
import type { EventFact } from './step-events.ts';

/** A history with one entry more, newest last. */
export interface Appended<T extends ContainerEvent> {
  /** What was there and stays. */
  readonly others: readonly T[];
  /** The newest entry. */
  readonly event: ContainerEvent;
  /** The entry that the newest one counts on, and replaces; null: it is the first of its sort. */
  readonly repeated: T | null;
}

/** Adds an event to an object's history; a repetition of one of the last few is counted instead. */
export function appendEvent<T extends ContainerEvent>(
  events: readonly T[],
  fact: EventFact,
  now: string,
): Appended<T> {
  const index = events.findLastIndex(
    (event, at) =>
      at >= events.length - REPETITION_REACH &&
      event.reason === fact.reason &&
      event.message === fact.message,
  );
  const repeated = events[index] ?? null;
  const others = events.filter(other => other !== repeated).slice(-(MAX_EVENTS_PER_OBJECT - 1));
  const event: ContainerEvent =
    repeated === null
      ? { ...fact, count: 1, firstTimestamp: now, lastTimestamp: now }
      : { ...repeated, count: repeated.count + 1, lastTimestamp: now };
  return { others, event, repeated };
}

/** How far back something counts as the same thing happening again. */
const REPETITION_REACH = 10;
