import type { Listing } from './directory.ts';
import type { FileView, Snapshot } from './snapshot.ts';

/** Everything a scan judges by, but the time. What was judged at rest is judged alike as long as this is the same. */
export interface Sight {
  readonly snapshot: Snapshot;
  /** `AcceptedStore.revision`. */
  readonly versions: number;
  /** `RealRoots.revision`. */
  readonly roots: number;
  readonly hostAddresses: ReadonlySet<string>;
  /** Names without a version that were found on the host. */
  readonly hostNames: readonly string[];
  readonly isHostListed: boolean;
}

export function isSameSight(a: Sight, b: Sight): boolean {
  return (
    isSameBesidesFiles(a, b) &&
    isSameDirectory(a.snapshot.listing, b.snapshot.listing) &&
    isSameList(a.snapshot.files, b.snapshot.files, isSameView)
  );
}

/** Everything but the directory. */
export function isSameBesidesFiles(a: Sight, b: Sight): boolean {
  return (
    a.versions === b.versions &&
    a.roots === b.roots &&
    a.hostAddresses === b.hostAddresses &&
    a.isHostListed === b.isHostListed &&
    isSameList(a.hostNames, b.hostNames, (one, other) => one === other)
  );
}

/** Its files are compared by what was read of them. */
function isSameDirectory(a: Listing, b: Listing): boolean {
  return (
    a.state === b.state && a.message === b.message && a.realPath === b.realPath && a.identity === b.identity
  );
}

/** A settled file that was not read again has the very same documents. One that is being written is never the same. */
function isSameView(a: FileView, b: FileView): boolean {
  if (a.path !== b.path) return false;
  if (a.is === 'settled') return b.is === 'settled' && a.documents === b.documents;
  if (a.is === 'refused') return b.is === 'refused' && isSameRefusal(a, b);
  return false;
}

type Refused = Extract<FileView, { is: 'refused' }>;

function isSameRefusal(a: Refused, b: Refused): boolean {
  const why = ({ document }: Refused) => document.problems.map(({ message }) => message).join('\n');
  return why(a) === why(b);
}

function isSameList<T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((one, index) => isSame(one, b[index] as T));
}
