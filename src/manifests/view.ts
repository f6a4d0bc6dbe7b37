import type { SourceStatus } from '../controller/ports.ts';
import type { Contender, World } from './contender.ts';
import type { Listing } from './directory.ts';
import type { GuardVerdict } from './guard.ts';
import type { Survey } from './survey.ts';

/** What the last scan left for questions. */
export interface View {
  readonly status: SourceStatus;
  /** A name nobody knows is absent, not merely unread. */
  readonly canTellAbsence: boolean;
  readonly contenders: readonly Contender[];
  readonly world: World;
}

/** Every name there is was read, and none waits for a person. */
export function isReadWhole({ state }: Listing, found: Survey, { held }: GuardVerdict): boolean {
  return (
    state === 'ok' && held === null && found.namelessFiles.length === 0 && found.pendingFiles.length === 0
  );
}
