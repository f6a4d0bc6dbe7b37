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

/** Of how many events an object keeps: the newest. */
export const MAX_EVENTS_PER_OBJECT = 50;
