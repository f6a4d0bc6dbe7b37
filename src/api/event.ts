/** One entry of an object's history, for people. Never a trigger. Repetitions are counted, not repeated. */
export interface ContainerEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  /** RFC 3339. */
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

/** The same as an object of its own, as Kubernetes' core/v1 shows it. */
export interface EventObject {
  readonly apiVersion: 'v1';
  readonly kind: 'Event';
  readonly metadata: {
    readonly name: string;
    readonly namespace: typeof EVENT_NAMESPACE;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
  };
  readonly involvedObject: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  };
  readonly type: ContainerEvent['type'];
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly source: { readonly component: 'nspawnd' };
  readonly reportingComponent: 'nspawnd';
  readonly reportingInstance: '';
}

/** Where Kubernetes keeps the events of what is in no namespace. */
export const EVENT_NAMESPACE = 'default';

/** Of how many events an object keeps: the newest. */
export const MAX_EVENTS_PER_OBJECT = 50;
