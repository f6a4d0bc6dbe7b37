import { localStat } from './local-stat.ts';
import { rememberingStat, type Stat, walkPath } from './walk.ts';

/**
 * Where roots really are, as far as they exist, looked up before admission, which is pure. A file system that does not
 * answer holds nobody up: then the path counts as written.
 */
export class RealRoots {
  readonly #known = new Map<string, string>();
  readonly #asking = new Map<string, Promise<void>>();

  get(path: string): string {
    return this.#known.get(path) ?? path;
  }

  /** Resolves when all are known or the deadline is over; `refresh` asks again for those that are. */
  async look(paths: ReadonlySet<string>, refresh: boolean): Promise<void> {
    for (const known of this.#known.keys()) if (!paths.has(known)) this.#known.delete(known);
    const open = [...paths].filter(path => refresh || !this.#known.has(path));
    const stat = rememberingStat(localStat());
    for (let index = 0; index < open.length; index += AT_ONCE) {
      await withinDeadline(open.slice(index, index + AT_ONCE).map(path => this.#ask(path, stat)));
    }
  }

  #ask(path: string, stat: Stat): Promise<void> {
    const asking = this.#asking.get(path);
    if (asking !== undefined) return asking;
    const answer = realPathOf(path, stat).then(real => {
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
async function realPathOf(path: string, stat: Stat): Promise<string> {
  const { realPath, rest } = await walkPath(path, stat);
  return rest.length === 0 ? realPath : `${realPath === '/' ? '' : realPath}/${rest.join('/')}`;
}
