/** Something was heard of a container. */
export interface News {
  /** Null: of all of them. */
  readonly name: string | null;
  /** How long it can wait for what else is heard, milliseconds; 0: somebody waits for it. */
  readonly withinMs: number;
}

/** For what comes in a burst: a guest that plays with its links must not keep us busy. */
export const BURST_MS = 250;
/** For what a guest does on its way up: it is looked at again when it is there, or has failed. */
export const BOOT_MS = 5000;
