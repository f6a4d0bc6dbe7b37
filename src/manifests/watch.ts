import { FSWatcher } from 'chokidar';
import type { WatchPoint } from './directory.ts';
import type { Log } from './log.ts';

/**
 * Wakes the source when something happens in directories that matter. A wake-up says nothing and may be missing: the full
 * re-list is the truth. Directories are watched one by one, so that one that is replaced gets a new watch.
 */
export class DirectoryWatch {
  readonly #onWake: (realPath: string | null) => void;
  readonly #log: Log;
  readonly #watches = new Map<string, Watch>();
  /** Directories that cannot be watched, with when to try again. */
  readonly #failed = new Map<string, number>();
  #isClosed = false;

  /** `onWake` is told the file to which something happened; null: it may be anything. */
  constructor(onWake: (realPath: string | null) => void, log: Log) {
    this.#onWake = onWake;
    this.#log = log;
  }

  /** Watches exactly these from now on; true when some are new, so that something may have happened unseen. */
  follow(points: readonly WatchPoint[]): boolean {
    if (this.#isClosed) return false;
    const wanted = new Map(points.slice(0, MAX_WATCHES).map(point => [point.path, point]));
    for (const [path, old] of this.#watches) {
      if (wanted.get(path)?.id !== old.point.id) this.#end(path, old);
    }
    let hasNew = false;
    for (const [path, point] of wanted) {
      const old = this.#watches.get(path);
      if (old !== undefined) {
        old.point = point;
        continue;
      }
      if ((this.#failed.get(path) ?? 0) > performance.now()) continue;
      this.#begin(path, point);
      hasNew = true;
    }
    return hasNew;
  }

  /** Resolves when every watch listens, or after a moment. */
  async ready(): Promise<void> {
    await Promise.all([...this.#watches.values()].map(one => one.ready));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [path, old] of this.#watches) this.#end(path, old);
  }

  #begin(path: string, point: WatchPoint): void {
    // Only the directory itself: its own watch reports what happens to the files in it.
    const watcher = new BareWatcher({
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      ignorePermissionErrors: true,
      ignored: other => other !== path,
    });
    watcher.add(path);
    const ready = new Promise<void>(resolve => {
      watcher.once('ready', () => resolve());
      setTimeout(resolve, READY_DEADLINE_MS).unref();
    });
    const one: Watch = { point, watcher, ready };
    this.#watches.set(path, one);
    watcher.on('raw', (_event, name) => {
      if (matters(one.point, name)) this.#onWake(isFileIn(one.point, name) ? `${path}/${name}` : null);
    });
    watcher.on('all', () => this.#onWake(null));
    watcher.on('error', err => {
      this.#log.warn(
        { directory: path, err },
        'cannot watch a directory; changes in it are seen at the next re-list',
      );
      this.#failed.set(path, performance.now() + RETRY_MS);
      this.#end(path, one);
    });
  }

  #end(path: string, one: Watch): void {
    if (this.#watches.get(path) === one) this.#watches.delete(path);
    one.watcher
      .close()
      .catch(err => this.#log.debug({ directory: path, err }, 'a watch did not close, ignoring'));
  }
}

/**
 * chokidar asks for every entry of a directory whenever something happens in it, which for thousands of manifests costs more
 * than all that we do with them. What is in there is the scan's own question: here it reads nothing.
 */
class BareWatcher extends FSWatcher {
  override _readdirp(): undefined {}
}

interface Watch {
  point: WatchPoint;
  readonly watcher: FSWatcher;
  readonly ready: Promise<void>;
}

/** inotify watches are everybody's; directories beyond these are seen at the next re-list. */
const MAX_WATCHES = 256;
const READY_DEADLINE_MS = 1_000;
const RETRY_MS = 60_000;

function isFileIn({ isContent, names }: WatchPoint, name: string | null | undefined): boolean {
  return isContent && typeof name === 'string' && !names.has(name);
}

function matters(point: WatchPoint, name: string | null | undefined): boolean {
  if (name === null || name === undefined) return true;
  return point.names.has(name) || (point.isContent && !name.startsWith('.'));
}
