import { parse } from 'node:path';
import { localStat } from './local-stat.ts';
import { rememberingStat, type Stat, type Walk, walkPath } from './walk.ts';

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
    const way = new Way(rememberingStat(localStat()));
    for (let index = 0; index < open.length; index += AT_ONCE) {
      await withinDeadline(open.slice(index, index + AT_ONCE).map(path => this.#ask(path, way)));
    }
  }

  #ask(path: string, way: Way): Promise<void> {
    const asking = this.#asking.get(path);
    if (asking !== undefined) return asking;
    const answer = way.end(path).then(real => {
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

/** The ways of one look: most roots lie side by side, and the way to their directory is walked once. */
class Way {
  readonly #stat: Stat;
  readonly #parents = new Map<string, Promise<Walk>>();

  constructor(stat: Stat) {
    this.#stat = stat;
  }

  /** What does not exist yet, or cannot be entered, is taken as written; what is above it may still be a link. */
  async end(path: string): Promise<string> {
    const { dir, base } = parse(path);
    const parent = await this.#walkParent(dir);
    if (base !== '' && parent.stats?.kind === 'directory') {
      const beside = `${parent.realPath === '/' ? '' : parent.realPath}/${base}`;
      const stats = await this.#stat(beside);
      if (typeof stats === 'string' || stats.kind !== 'link') return beside;
    }
    const { realPath, rest } = await walkPath(path, this.#stat);
    return rest.length === 0 ? realPath : `${realPath === '/' ? '' : realPath}/${rest.join('/')}`;
  }

  #walkParent(directory: string): Promise<Walk> {
    const walk = this.#parents.get(directory) ?? walkPath(directory, this.#stat);
    this.#parents.set(directory, walk);
    return walk;
  }
}
