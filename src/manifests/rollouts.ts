import type { Manifest } from '../api/manifest.ts';
import type { Revision } from '../api/revision.ts';
import type { Retrial } from '../controller/ports.ts';
import { NspawndError } from '../errors.ts';
import type { Desired } from '../planning/desired.ts';
import { toManifest } from './accepted-record.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { admit } from './admission.ts';
import type { Contender, World } from './contender.ts';
import { afterProof, afterRejection, factsOf, findRevision, revisionsOf, rolloutOf } from './rollout.ts';

/** What the rollouts need of the source they are a part of. */
export interface RolloutHost {
  version(name: string): AcceptedVersion | null;
  contenders(): readonly Contender[];
  world(): World;
  desired(name: string): Desired;
  /** Keeps a version; resolves with the error where that could not be written. */
  record(version: AcceptedVersion): Promise<Error | null>;
  /** Does what no scan may come across. */
  between<R>(work: () => Promise<R>): Promise<R>;
  /** What is desired of a name, where that is all that a change changes. */
  announce(name: string, desired: Desired): void;
  rescan(): Promise<unknown>;
  nowText(): string;
}

/**
 * Which of its specs a container has run with, and which were tried in vain. What was told is on disk before anything
 * follows from it. Telling the same again, or something of a spec that is not in force any more, changes nothing.
 */
export class Rollouts {
  readonly #host: RolloutHost;

  constructor(host: RolloutHost) {
    this.#host = host;
  }

  /** A guest is Ready with this spec. What is in force stays so, and nothing is read again for it. */
  async prove(name: string, specHash: string): Promise<void> {
    await this.#change(name, specHash, version => ({
      ...version,
      rollout: afterProof(rolloutOf(version), specHash, this.#host.nowText()),
    }));
    const version = this.#host.version(name);
    const desired = this.#host.desired(name);
    if (version === null || desired.state !== 'present') return;
    const facts = factsOf(version, desired.rollout?.refused !== null);
    this.#host.announce(name, { ...desired, rollout: facts });
  }

  /** No guest works with this spec. The last one with which one did is in force when this resolves, if that can be. */
  async reject(name: string, specHash: string, because: string): Promise<void> {
    await this.#change(name, specHash, version => this.#withoutSpec(version, because));
    await this.#host.rescan();
  }

  /** What was tried in vain is tried again. */
  async retry(name: string): Promise<Retrial> {
    const { refused = null } = rolloutOrNone(this.#host.version(name)) ?? {};
    if (refused === null)
      return { is: 'refused', message: `nothing of ${name} was tried in vain: its manifest is in force` };
    await this.#host.between(async () => {
      const version = this.#host.version(name);
      if (version === null || version.removedAt !== null) return;
      await this.#record({ ...version, rollout: { ...rolloutOf(version), refused: null } });
    });
    await this.#host.rescan();
    return { is: 'tried', specHash: refused.specHash };
  }

  /** Oldest first; null: there is no such container, or no version of its manifest was ever accepted. */
  history(name: string): readonly Revision[] | null {
    const version = this.#host.version(name);
    return version === null || version.removedAt !== null || version.manifest === null
      ? null
      : revisionsOf(version);
  }

  async #change(
    name: string,
    specHash: string,
    change: (version: AcceptedVersion) => AcceptedVersion,
  ): Promise<void> {
    await this.#host.between(async () => {
      const version = this.#host.version(name);
      if (version === null || version.removedAt !== null || version.manifest?.specHash !== specHash) return;
      await this.#record(change(version));
    });
  }

  #withoutSpec(version: AcceptedVersion, because: string): AcceptedVersion {
    const rollout = rolloutOf(version);
    const { manifest } = version;
    const last = findRevision(rollout, rollout.provenHash);
    if (manifest === null || last === null || last.specHash === manifest.specHash) return version;
    const fallback = toManifest(manifest, last.spec, manifest.place);
    const stuckBecause =
      fallback === null
        ? `revision ${last.revision} is not valid any more`
        : this.#objectionTo(version, fallback);
    if (fallback === null || stuckBecause !== null)
      return { ...version, rollout: { ...rollout, stuckBecause } };
    const refused = { specHash: manifest.specHash, because, at: this.#host.nowText() };
    return {
      ...version,
      manifest: fallback,
      generation: version.generation + 1,
      rollout: afterRejection(rollout, refused),
    };
  }

  /** Why it could not be in force beside all others, who have taken what it had; null: it could. */
  #objectionTo(version: AcceptedVersion, fallback: Manifest): string | null {
    const { name } = version;
    const contenders = this.#host.contenders().map(contender =>
      // As if there were no manifest: only the kept version counts.
      contender.name === name
        ? { ...contender, documents: [], accepted: { ...version, manifest: fallback } }
        : contender,
    );
    const admitted = admit(contenders, this.#host.world());
    const own = admitted.get(name);
    if (own?.manifest?.specHash !== fallback.specHash)
      return own?.objections[0]?.problem.message ?? own?.waitsFor ?? 'it is not valid any more';
    for (const [other, { manifest, objections }] of admitted) {
      if (other === name) continue;
      const now = this.#host.desired(other);
      if (now.state === 'present' && manifest?.specHash !== now.manifest.specHash)
        return `"${other}" has taken what it had: ${objections[0]?.problem.message ?? ''}`;
    }
    return null;
  }

  async #record(version: AcceptedVersion): Promise<void> {
    const failure = await this.#host.record(version);
    if (failure !== null)
      throw new NspawndError(
        'FileError',
        `what became of its spec could not be recorded: ${failure.message}`,
        {
          cause: failure,
        },
      );
  }
}

function rolloutOrNone(version: AcceptedVersion | null) {
  return version === null || version.removedAt !== null ? null : rolloutOf(version);
}
