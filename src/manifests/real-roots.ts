import { parse } from 'node:path';
import { localStat } from './local-stat.ts';
import { remembering, type Stat, type Walk, walkPath } from './walk.ts';

/**
 * Where roots really are, as far as they exist, looked up before admission, which is pure. A file system that does not
 * answer holds nobody up: then the path counts as written.
 */
export class RealRoots {
  readonly #known = new Map<string, string>();
  readonly #asking = new Map<string, Promise<void>>();
  #revision = 0;

  /** Another number whenever an answer of `get` may be another. */
  get revision(): number {
    return this.#revision;
  }

  get(path: string): string {
    return this.#known.get(path) ?? path;
  }

  /** Resolves when all are known or the deadline is over; `refresh` asks again for those that are. */
  async look(paths: ReadonlySet<string>, refresh: boolean): Promise<void> {
    for (const known of this.#known.keys()) {
      if (paths.has(known)) continue;
      this.#known.delete(known);
      this.#revision += 1;
    }
    const open = [...paths].filter(path => refresh || !this.#known.has(path));
    const stat = remembering(localStat());
    // Most roots lie side by side: the way to their directory is walked once.
    const walkParent = remembering(directory => walkPath(directory, stat));
    const find = (path: string) => realPathOf(path, stat, walkParent);
    for (let index = 0; index < open.length; index += AT_ONCE) {
      await withinDeadline(open.slice(index, index + AT_ONCE).map(path => this.#ask(path, find)));
    }
  }

  #ask(path: string, find: (path: string) => Promise<string>): Promise<void> {
    const asking = this.#asking.get(path);
    if (asking !== undefined) return asking;
    const answer = find(path).then(real => {
      if (this.#known.get(path) !== real) this.#revision += 1;
      this.#known.set(path, real);
      this.#asking.delete(path);
    });
    this.#asking.set(path, answer);
    return answer;
  }
}

const AT_ONCE = 16;
const DEADLINE_MS = 2_000;

async function withinDeadline(answers: readonly Promise<void>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>(resolve => {
    timer = setTimeout(resolve, DEADLINE_MS);
  });
  await Promise.race([Promise.all(answers), deadline]);
  clearTimeout(timer);
}

/** What does not exist yet, or cannot be entered, is taken as written; what is above it may still be a link. */
async function realPathOf(
  path: string,
  stat: Stat,
  walkParent: (directory: string) => Promise<Walk>,
): Promise<string> {
  const { dir, base } = parse(path);
  const parent = await walkParent(dir);
  if (base !== '' && parent.stats?.kind === 'directory') {
    const beside = below(parent.realPath, base);
    const stats = await stat(beside);
    if (typeof stats === 'string' || stats.kind !== 'link') return beside;
  }
  const { realPath, rest } = await walkPath(path, stat);
  return rest.length === 0 ? realPath : below(realPath, rest.join('/'));
}

function below(directory: string, rest: string): string {
  return `${directory === '/' ? '' : directory}/${rest}`;
}
