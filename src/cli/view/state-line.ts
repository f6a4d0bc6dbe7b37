import { findCondition } from '../../api/condition.ts';
import type { Container } from '../../api/container.ts';

/** What a container is doing, for a person who waits; null: there is none. */
export function stateLine(container: Container | null): string {
  if (container === null) return 'gone';
  const { status } = container;
  if (status.waitingFor !== undefined) return `${status.phase}, ${status.waitingFor}`;
  const ready = findCondition(status.conditions, 'Ready');
  return ready === undefined || ready.status === 'True' || ready.message === ''
    ? status.phase
    : `${status.phase}, ${ready.message}`;
}

/** What keeps it from going on by itself soon; null: nothing does. */
export function troubleLine({ status }: Container): string | null {
  for (const type of ['Stalled', 'CrashLooping'] as const) {
    const condition = findCondition(status.conditions, type);
    if (condition?.status === 'True') return `${type}/${condition.reason}: ${condition.message}`;
  }
  return null;
}
