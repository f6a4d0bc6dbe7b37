import type { SourceStatus } from '../controller/ports.ts';
import type { Contender, World } from './contender.ts';

/** What the last scan left for questions. */
export interface View {
  readonly status: SourceStatus;
  /** A name nobody knows is absent, not merely unread. */
  readonly canTellAbsence: boolean;
  readonly contenders: readonly Contender[];
  readonly world: World;
}
