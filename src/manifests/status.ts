import type { SourceStatus } from '../controller/ports.ts';
import type { Hold } from '../planning/desired.ts';
import type { Listing } from './directory.ts';
import type { GuardVerdict } from './guard.ts';
import { safeText } from './safe-text.ts';

/** How the directory is, for people; `problems` and the numbers come from the scan. */
export function statusOf(
  scan: Pick<SourceStatus, 'directory' | 'problems' | 'files' | 'lastScan'>,
  listing: Listing,
  isReplaced: boolean,
  guard: GuardVerdict,
): SourceStatus {
  const fault =
    faultOf(listing)?.message ?? (isReplaced ? 'the manifests directory was replaced by another' : '');
  const isEmptied = [...guard.fate.values()].some(
    fate => fate.is === 'held' && fate.hold.reason === 'DirectoryEmpty',
  );
  return {
    ...scan,
    isHealthy: fault === '' && !isEmptied,
    message: guard.message || fault,
    held: guard.held,
  };
}

/** Before the first scan. */
export function noStatus(directory: string): SourceStatus {
  const lastScan = new Date(0).toISOString();
  const message = 'the manifests directory was not read yet';
  return { directory, isHealthy: false, message, problems: [], held: null, files: 0, lastScan };
}

/** Why a directory says nothing about anybody; null where it does. */
export function faultOf({ state, message }: Listing): Hold | null {
  switch (state) {
    case 'ok':
      return null;
    case 'missing':
      return { reason: 'DirectoryMissing', message: safeText(message) };
    case 'unreadable':
      return { reason: 'DirectoryUnreadable', message: safeText(message) };
    case 'untrusted':
      return { reason: 'DirectoryUntrusted', message: safeText(message) };
  }
}
