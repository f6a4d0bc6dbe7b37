/** What every command answers to the shell. The only table of it. */
export const EXIT = {
  done: 0,
  /** An honest no: a difference exists, something is held, the container did not become ready. */
  no: 1,
  usage: 2,
  invalidManifest: 65,
  noSuchObject: 66,
  unavailable: 69,
  bug: 70,
  notPermitted: 77,
  refused: 78,
  timedOut: 124,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
