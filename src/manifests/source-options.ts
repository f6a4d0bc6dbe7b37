import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { WorldOptions } from './world.ts';

/** `directory` may be missing; it is taken up when it appears. In `stateDirectory` accepted versions are kept. Both absolute. */
export interface ManifestSourceOptions extends WorldOptions {
  /** User id that, besides root, may own the directory and what is in it. */
  readonly ownerUid: number;
  /** /proc/sys/kernel/random/boot_id: the directory's identity is not compared across boots. */
  readonly bootId: string;
  readonly log: Log;
  /** Where `create` takes addresses from; nixos-container's unless said otherwise. */
  readonly addressRange?: string;
  readonly clock?: Clock;
}
