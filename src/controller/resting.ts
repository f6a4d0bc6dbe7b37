import type { Desired } from '../planning/desired.ts';
import type { HostPort, ManifestPort } from './ports.ts';

/**
 * Which containers a re-list may leave alone: those with which nothing was to do, when all that can be seen of them at a
 * glance is as it was then, and their manifest too. A whole look costs a hundred times a glance.
 *
 * The glance is taken before the look that finds a container at rest: what changes in between makes the next one differ.
 * Whatever else brought a container back was news: it counts as at rest only after another re-list has looked at it.
 * A glance sees not everything, so each container is looked at after some time in any case.
 *
 * Of the others those are left to the next re-list that were looked at a moment ago: of fifty that are just being launched
 * there is much news in any case.
 */
export class Resting {
  readonly #manifests: Pick<ManifestPort, 'desired'>;
  readonly #host: Pick<HostPort, 'glance'>;
  readonly #atRest = new Map<string, Glanced & { readonly leftAlone: number }>();
  /** What was seen of those that a re-list sends to be looked at. */
  readonly #sent = new Map<string, Glanced>();
  readonly #lookedAt = new Map<string, number>();
  readonly #momentMs: number;
  readonly #now: () => number;

  /** `momentMs`: for so long a look counts as just made. */
  constructor(
    manifests: Pick<ManifestPort, 'desired'>,
    host: Pick<HostPort, 'glance'>,
    momentMs: number,
    now: () => number = () => performance.now(),
  ) {
    this.#momentMs = momentMs;
    this.#now = now;
    this.#manifests = manifests;
    this.#host = host;
  }

  /** Those of the names that have to be looked at. */
  async awake(names: readonly string[]): Promise<readonly string[]> {
    const glances = await this.#host.glance(names);
    for (const known of this.#atRest.keys()) if (!glances.has(known)) this.#atRest.delete(known);
    const aMomentAgo = this.#now() - this.#momentMs;
    for (const [known, at] of this.#lookedAt) if (at < aMomentAgo) this.#lookedAt.delete(known);
    return names.filter((name, index) => {
      const glance = glances.get(name);
      const desired = this.#manifests.desired(name);
      const rest = this.#atRest.get(name);
      if (rest !== undefined && rest.glance === glance && rest.desired === desired && rest.leftAlone < MAX) {
        this.#atRest.set(name, { ...rest, leftAlone: rest.leftAlone + 1 });
        return false;
      }
      if (rest === undefined && this.#lookedAt.has(name)) return false;
      this.#atRest.delete(name);
      // They are due one after the other, not all in the same re-list.
      if (glance !== undefined) this.#sent.set(name, { glance, desired, firstCount: index % MAX });
      return true;
    });
  }

  /** A look at it is over. */
  note(name: string, isAtRest: boolean): void {
    this.#lookedAt.set(name, this.#now());
    const sent = this.#sent.get(name);
    this.#sent.delete(name);
    if (isAtRest && sent !== undefined) this.#atRest.set(name, { ...sent, leftAlone: sent.firstCount });
    else this.#atRest.delete(name);
  }

  /** Anything may have changed. */
  wakeAll(): void {
    this.#atRest.clear();
    this.#sent.clear();
    this.#lookedAt.clear();
  }
}

interface Glanced {
  readonly glance: string;
  readonly desired: Desired;
  readonly firstCount: number;
}

/** So many re-lists in a row may leave it alone: ten minutes. */
const MAX = 30;
