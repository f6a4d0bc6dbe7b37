/**
 * Who may write a manifest may become root, so the directory, everything above it and every file must belong to root (or the
 * configured user) and be writable by nobody else. Says what is wrong and how to mend it, or null.
 */
export function distrust(path: string, stats: OwnerAndMode, owner: number): string | null {
  const byOwner = distrustOwner(path, stats, owner);
  if (byOwner !== null) return byOwner;
  if ((stats.mode & WRITABLE_BY_OTHERS) === 0) return null;
  const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
  return `${path} is writable by others (mode ${mode}); run: chmod go-w ${shellQuote(path)}`;
}

/** The same for a directory on the way: with the sticky bit, as in /tmp, nobody can replace what belongs to others. */
export function distrustParent(path: string, stats: OwnerAndMode, owner: number): string | null {
  return (stats.mode & STICKY) !== 0 ? distrustOwner(path, stats, owner) : distrust(path, stats, owner);
}

export interface OwnerAndMode {
  readonly uid: number;
  readonly mode: number;
}

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

function distrustOwner(path: string, stats: OwnerAndMode, owner: number): string | null {
  if (stats.uid === owner || stats.uid === 0) return null;
  return `${path} belongs to user ${stats.uid}; run: chown ${owner} ${shellQuote(path)}`;
}

function shellQuote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
