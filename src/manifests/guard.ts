import { createHash } from 'node:crypto';
import type { Hold } from '../planning/desired.ts';

/**
 * What becomes of names whose manifest has vanished. Pure; `memory` is handed back in.
 *
 * Architecture invariant: only what was read whole, from a directory that is what it was, can delete; and never most of
 * everything at once without a person.
 */
export function guardDeletions(look: GuardLook): GuardVerdict {
  const { vanished, known } = look;
  const memory = remember(look);
  const fate = new Map<string, Fate>();
  const holdAll = (hold: Hold) => {
    for (const name of vanished) fate.set(name, { is: 'held', hold });
  };
  const swept = [...vanished].filter(name => memory.swept.has(name)).sort();
  const confirmable = (reason: Hold['reason'], message: string, names: readonly string[]): GuardVerdict => {
    const held = { hash: hashNames(names), names };
    const hint = `${message}; to delete ${listNames(names)}: nspawnctl prune --confirm ${held.hash}`;
    for (const name of names)
      fate.set(name, { is: 'held', hold: { reason, message: hint, confirmHash: held.hash } });
    return { fate, held, message: hint, memory, againInMs: null };
  };

  // 1. Nothing has vanished.
  if (vanished.size === 0) return { fate, held: null, message: '', memory, againInMs: null };
  // 2. The directory itself cannot be read: it says nothing about anybody.
  if (look.directoryFault !== null) {
    holdAll(look.directoryFault);
    return { fate, held: null, message: look.directoryFault.message, memory, againInMs: null };
  }
  // 3. Before the host was listed nobody knows how many containers there are.
  if (!look.isHostListed) {
    for (const name of vanished) fate.set(name, { is: 'undecided' });
    return { fate, held: null, message: '', memory, againInMs: null };
  }
  // 4. Another directory than before.
  if (look.isReplaced) {
    const message = 'the manifests directory was replaced by another, in which most manifests are missing';
    return confirmable('DirectoryReplaced', message, [...vanished].sort());
  }
  // 5. A file that yields no names may be anybody's.
  if (look.namelessFiles.length > 0) {
    const message = `cannot tell which containers are declared in ${listNames(look.namelessFiles)}; mend or delete it`;
    holdAll({ reason: 'FilesUnreadable', message });
    return { fate, held: null, message, memory, againInMs: null };
  }
  // 6. Files are still being written, or the directory is still changing.
  if (look.pendingFiles.length > 0) {
    for (const name of vanished) fate.set(name, { is: 'undecided' });
    const message = `${listNames(look.pendingFiles)} is still being written`;
    return { fate, held: null, message, memory, againInMs: null };
  }
  const quietInMs = QUIET_MS - (look.monotonicMs - memory.changedAtMs);
  if (quietInMs > 0) {
    for (const name of vanished) fate.set(name, { is: 'undecided' });
    return { fate, held: null, message: '', memory, againInMs: Math.ceil(quietInMs) };
  }
  // 7. Everything at once, or most of it.
  const isEmptied = look.isEmpty && known.size > SMALL_HOST;
  if (isEmptied || vanished.size > Math.max(SMALL_HOST, known.size / 2)) {
    const names = [...vanished].sort();
    const reason = isEmptied ? 'DirectoryEmpty' : 'TooManyDeletions';
    const message = isEmptied
      ? `the manifests directory is suddenly empty, with ${known.size} known containers`
      : `${vanished.size} of ${known.size} manifests have vanished at once`;
    const verdict = confirmable(reason, message, names);
    return { ...verdict, memory: { ...memory, swept: new Set(names) } };
  }
  // 8. What was once part of such a sweep waits for a person, also when the others have come back one by one.
  const ordinary = [...vanished].filter(name => !memory.swept.has(name));
  // 9. The new name in a broken document may be the old one, misspelt or cut off.
  for (const name of ordinary) {
    const suspect = look.suspects.get(name);
    if (suspect === undefined) fate.set(name, { is: 'deleted' });
    else {
      const message = `${suspect}, where it was declared, is broken; its container may have been renamed`;
      fate.set(name, { is: 'held', hold: { reason: 'FilesUnreadable', message } });
    }
  }
  if (swept.length === 0) return { fate, held: null, message: '', memory, againInMs: null };
  return confirmable(
    'TooManyDeletions',
    `${swept.length} manifests have vanished with others that are back`,
    swept,
  );
}

export interface GuardLook {
  /** Names with a last good version or found on the host; the vanished among them, the deleted not. */
  readonly known: ReadonlySet<string>;
  /** Known names that no file accounts for. */
  readonly vanished: ReadonlySet<string>;
  /** Set where the directory is missing, unreadable or not to be trusted. */
  readonly directoryFault: Hold | null;
  readonly isReplaced: boolean;
  /** No manifest file in it. */
  readonly isEmpty: boolean;
  readonly isHostListed: boolean;
  /** Files of which no document yields a name; sorted, safe to show. */
  readonly namelessFiles: readonly string[];
  readonly pendingFiles: readonly string[];
  /** Vanished names whose file is still there and has a broken document with a name nobody knows. */
  readonly suspects: ReadonlyMap<string, string>;
  readonly memory: GuardMemory;
  readonly monotonicMs: number;
}

export interface GuardVerdict {
  /** Of every vanished name. */
  readonly fate: ReadonlyMap<string, Fate>;
  readonly held: { readonly hash: string; readonly names: readonly string[] } | null;
  /** Why deletions wait; empty while none does. */
  readonly message: string;
  readonly memory: GuardMemory;
  /** When to look again; null: when something changes. */
  readonly againInMs: number | null;
}

export type Fate =
  | { readonly is: 'deleted' }
  | { readonly is: 'held'; readonly hold: Hold }
  /** Too early to say. */
  | { readonly is: 'undecided' };

export interface GuardMemory {
  readonly vanished: ReadonlySet<string>;
  /** When the vanished names last changed. */
  readonly changedAtMs: number;
  /** Names that were part of a held sweep. */
  readonly swept: ReadonlySet<string>;
}

export const NO_GUARD_MEMORY: GuardMemory = { vanished: new Set(), changedAtMs: 0, swept: new Set() };

/** So many may go at once on any host. */
const SMALL_HOST = 3;
/** `rm *.yaml` is many unlinks: what vanishes together must be judged together. */
export const QUIET_MS = 500;

/** Names exactly one list. */
export function hashNames(names: readonly string[]): string {
  return createHash('sha256')
    .update([...names].sort().join('\n'))
    .digest('hex')
    .slice(0, 12);
}

function remember({ vanished, isHostListed, memory, monotonicMs }: GuardLook): GuardMemory {
  const isSame =
    vanished.size === memory.vanished.size && [...vanished].every(name => memory.vanished.has(name));
  return {
    vanished,
    changedAtMs: isSame ? memory.changedAtMs : monotonicMs,
    // Before the host was listed some of them may not be known again yet.
    swept: new Set([...memory.swept].filter(name => vanished.has(name) || !isHostListed)),
  };
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(', ');
  return names.length > MAX_NAMES_SHOWN ? `${shown} and ${names.length - MAX_NAMES_SHOWN} more` : shown;
}

const MAX_NAMES_SHOWN = 5;
