import { createHash } from 'node:crypto';
import { type ContainerEvent, EVENT_NAMESPACE, type EventObject } from '../api/event.ts';
import { API_VERSION, KIND } from '../api/manifest.ts';
import { uidFrom } from './uid.ts';

/** An entry of a container's history with the version of its last change. */
export interface RecordedEvent extends ContainerEvent {
  readonly resourceVersion: string;
}

/** A history's entry as an object of its own. One that happens again is the same object, changed. */
export function eventObject(name: string, uid: string, event: RecordedEvent): EventObject {
  const { type, reason, message, count, firstTimestamp, lastTimestamp, resourceVersion } = event;
  const id = createHash('sha256').update([name, reason, message, firstTimestamp].join('\0')).digest('hex');
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name}.${id.slice(0, 16)}`,
      namespace: EVENT_NAMESPACE,
      uid: uidFrom(id),
      resourceVersion,
      creationTimestamp: firstTimestamp,
    },
    involvedObject: { apiVersion: API_VERSION, kind: KIND, name, uid },
    type,
    reason,
    message,
    count,
    firstTimestamp,
    lastTimestamp,
    source: { component: 'nspawnd' },
    reportingComponent: 'nspawnd',
    reportingInstance: '',
  };
}
