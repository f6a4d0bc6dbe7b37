import type { JsonObject, Manifest } from '../../src/api/manifest.ts';
import type { ManifestContent } from '../../src/api/manifest-content.ts';
import type { Revision } from '../../src/api/revision.ts';
import type {
  Creation,
  FileText,
  JudgedDocument,
  ManifestChange,
  ManifestPort,
  Removal,
  Retrial,
  SourceStatus,
  Writing,
} from '../../src/controller/ports.ts';
import type { AcceptedVersion } from '../../src/manifests/accepted-version.ts';
import type { Rollout } from '../../src/manifests/kept-rollout.ts';
import {
  afterAcceptance,
  afterProof,
  afterRejection,
  factsOf,
  findRevision,
  NO_ROLLOUT,
  revisionsOf,
} from '../../src/manifests/rollout.ts';
import type { Desired, Hold } from '../../src/planning/desired.ts';
import { manifestOf } from '../unit/planning/base-state.ts';

/** A manifests directory in memory. It outlives the nspawnd that reads it, as a directory does. */
export class ModelManifests implements ManifestPort {
  readonly #desired = new Map<string, Desired>();
  /** What became of the specs of each. */
  readonly #rollouts = new Map<string, Rollout>();
  /** What the files say. */
  readonly #files = new Map<string, Manifest>();
  readonly #onHost = new Set<string>();
  readonly #listeners = new Set<(names: readonly string[]) => void>();
  #generation = 0;
  #hold: Hold | null = null;

  /** A file is dropped, or edited. */
  put(name: string, spec: JsonObject = {}): Manifest {
    const manifest = manifestOf(name, { root: `/var/lib/machines/${name}`, ...spec });
    this.#files.set(name, manifest);
    const rollout = this.#rollouts.get(name) ?? NO_ROLLOUT;
    if (rollout.refused?.specHash === manifest.specHash) return manifest;
    this.#accept(manifest, afterAcceptance(rollout, manifest, NOW));
    return manifest;
  }

  /** From a directory that says nothing about anybody, what has vanished is held. */
  remove(name: string): void {
    const before = this.desired(name);
    const isHeld = this.#hold !== null && before.state === 'present';
    if (!isHeld) this.#forget(name);
    // What was only ever a mistake in a file is known to nobody once that is gone.
    if (before.state === 'unknown') {
      this.#desired.delete(name);
      this.#tell(name);
    } else this.#set(name, isHeld ? { ...before, heldBecause: this.#hold as Hold } : { state: 'absent' });
  }

  /** Whether what vanishes is deleted; once it is, so is what was held. */
  heal(hold: Hold | null): void {
    this.#hold = hold;
    if (hold !== null) return;
    for (const [name, desired] of this.#desired)
      if (desired.state === 'present' && desired.heldBecause !== undefined) this.remove(name);
  }

  /** The file no longer says anything. */
  breakFile(name: string): void {
    const before = this.desired(name);
    const problem = { file: `${name}.yaml`, line: 1, column: 1, field: '', message: 'not YAML' };
    this.#set(
      name,
      before.state === 'present'
        ? { ...before, problems: [problem] }
        : { state: 'unknown', problems: [problem], reason: 'invalid' },
    );
  }

  async start(onTrigger: (names: readonly string[]) => void, signal: AbortSignal): Promise<void> {
    this.#listeners.add(onTrigger);
    signal.addEventListener('abort', () => this.#listeners.delete(onTrigger));
  }

  async rescan(): Promise<readonly string[]> {
    return [];
  }

  desired(name: string): Desired {
    const desired = this.#desired.get(name);
    if (desired !== undefined) return desired;
    return this.#hold === null
      ? { state: 'absent' }
      : { state: 'unknown', problems: [], reason: this.#hold.message };
  }

  names(): readonly string[] {
    return [...new Set([...this.#desired.keys(), ...this.#onHost])];
  }

  async adopt(namesOnHost: readonly string[]): Promise<void> {
    for (const name of namesOnHost) this.#onHost.add(name);
  }

  async forget(name: string): Promise<void> {
    this.#onHost.delete(name);
    if (this.#desired.get(name)?.state === 'absent') this.#desired.delete(name);
  }

  status(): SourceStatus {
    return {
      directory: '/etc/nspawnd/manifests',
      isHealthy: true,
      message: '',
      problems: [],
      held: null,
      files: this.#desired.size,
      lastScan: '2026-01-01T00:00:00.000Z',
    };
  }

  async confirmPrune(): Promise<boolean> {
    return false;
  }

  async createManifest(): Promise<Creation> {
    return { is: 'refused', message: 'a directory in memory' };
  }

  async writeManifest(name: string, change: ManifestChange): Promise<Writing> {
    const before = this.desired(name);
    const content = change(before.state === 'present' ? contentOf(before.manifest) : null);
    if ('is' in content) return { is: 'objected', objection: content };
    this.put(name, content.spec);
    return { is: 'written', file: `${name}.yaml`, content, isNew: before.state !== 'present' };
  }

  async removeManifest(): Promise<Removal> {
    return { is: 'unknown' };
  }

  async rootObjection(): Promise<string | null> {
    return null;
  }

  async proveSpec(name: string, specHash: string): Promise<void> {
    const desired = this.desired(name);
    if (desired.state !== 'present' || desired.manifest.specHash !== specHash) return;
    this.#keep(desired, afterProof(this.#rolloutOf(name), specHash, NOW));
  }

  async rejectSpec(name: string, specHash: string, because: string): Promise<void> {
    const desired = this.desired(name);
    const rollout = this.#rolloutOf(name);
    const last = findRevision(rollout, rollout.provenHash);
    if (desired.state !== 'present' || desired.manifest.specHash !== specHash || last === null) return;
    this.#accept(manifestOf(name, last.spec), afterRejection(rollout, { specHash, because, at: NOW }));
  }

  async retrySpec(name: string): Promise<Retrial> {
    const said = this.#files.get(name);
    const rollout = this.#rolloutOf(name);
    if (said === undefined || rollout.refused === null)
      return { is: 'refused', message: 'nothing was tried' };
    this.#rollouts.set(name, { ...rollout, refused: null });
    this.put(name, said.written);
    return { is: 'tried', specHash: said.specHash };
  }

  revisions(name: string): readonly Revision[] | null {
    const desired = this.desired(name);
    return desired.state === 'present' ? revisionsOf(this.#versionOf(desired)) : null;
  }

  judge(_files: readonly FileText[]): readonly JudgedDocument[] {
    return [];
  }

  #forget(name: string): void {
    this.#rollouts.delete(name);
    this.#files.delete(name);
  }

  #rolloutOf(name: string): Rollout {
    return this.#rollouts.get(name) ?? NO_ROLLOUT;
  }

  #accept(manifest: Manifest, rollout: Rollout): void {
    const generation = ++this.#generation;
    this.#keep({ state: 'present', manifest, generation, createdAt: NOW, problems: [] }, rollout);
  }

  #keep(desired: Present, rollout: Rollout): void {
    const { name } = desired.manifest;
    this.#rollouts.set(name, rollout);
    this.#set(name, { ...desired, rollout: factsOf(this.#versionOf(desired), true) });
  }

  #versionOf({ manifest, generation }: Present): AcceptedVersion {
    const { name } = manifest;
    const rollout = this.#rolloutOf(name);
    return { name, file: null, manifest, generation, createdAt: NOW, removedAt: null, rollout };
  }

  #set(name: string, desired: Desired): void {
    this.#desired.set(name, desired);
    this.#tell(name);
  }

  #tell(name: string): void {
    for (const listener of this.#listeners) listener([name]);
  }
}

type Present = Extract<Desired, { state: 'present' }>;
const NOW = '2026-01-01T00:00:00.000Z';

function contentOf({ labels, annotations, written }: Manifest): ManifestContent {
  return { labels, annotations, spec: written };
}
