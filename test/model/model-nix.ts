import type { Generation } from '../../src/api/generation.ts';
import type { Manifest } from '../../src/api/manifest.ts';
import { nixSourceOf } from '../../src/api/nix-source.ts';
import type {
  BuildResult,
  NixFacts,
  SourceFacts,
  SwitchRecord,
  UpdateRequest,
} from '../../src/planning/nix-facts.ts';
import { nixDirectories } from '../../src/planning/nix-places.ts';
import type { NixBuild } from '../../src/planning/step.ts';
import type { ModelHost } from './model-host.ts';

/** The Nix of a model host: a store in which every closure is a word, profiles, and builds that take their time. */
export class ModelNix {
  isInstalled = true;
  /** What the `path`s of manifests lead to; the closure of their own name where nothing is said. */
  readonly paths = new Map<string, string | null>();
  readonly directories = new Set<string>();
  readonly profiles = new Map<string, ModelProfile>();
  readonly realised = new Map<string, string>();
  readonly builds = new Map<string, ModelBuild>();
  readonly results = new Map<string, BuildResult>();
  readonly switched = new Map<string, SwitchRecord>();
  readonly updates = new Map<string, UpdateRequest>();
  /** Closures that are kept from the garbage collector. */
  readonly kept = new Map<string, readonly string[]>();
  /** Guests whose switch-to-configuration fails. */
  readonly stubborn = new Set<string>();
  /** How builds end; null: well. */
  buildFailure: Pick<BuildResult, 'cause' | 'isPassing'> | null = null;
  readonly #host: ModelHost;

  constructor(host: ModelHost) {
    this.#host = host;
  }

  observe(name: string, manifest: Manifest | null, switchingTo: string | null): NixFacts | null {
    const source = manifest === null ? null : nixSourceOf(name, manifest.spec);
    if (source === null) return null;
    const profile = this.profiles.get(name);
    const closure = profile?.generations[profile.current - 1];
    const build = this.builds.get(name);
    return {
      programs: this.isInstalled ? '/usr/bin' : null,
      searchPath: 'nixpkgs=/srv/nixpkgs',
      source: source.kind === 'closure' ? this.#follow(source.path) : sourceOf(source.kind),
      realised: this.realised.get(name) ?? '',
      system:
        profile === undefined || closure === undefined
          ? null
          : { closure, generation: profile.current, isUsable: true, platform: 'x86_64-linux' },
      missing: nixDirectories(name).filter(directory => !this.directories.has(directory)),
      build: {
        isRunning: build !== undefined,
        input: build?.input ?? '',
        lastLine: build === undefined ? '' : 'building',
        result: build === undefined ? (this.results.get(name) ?? null) : null,
      },
      switchingTo,
      lastSwitch: this.switched.get(name) ?? null,
      update: this.updates.get(name) ?? null,
    };
  }

  hasLeftovers(name: string): boolean {
    return this.builds.has(name) || this.results.has(name) || this.realised.has(name);
  }

  names(): readonly string[] {
    return [...this.builds.keys(), ...this.results.keys(), ...this.realised.keys(), ...this.kept.keys()];
  }

  generations(name: string): readonly Generation[] {
    const { generations, current } = this.profiles.get(name) ?? { generations: [], current: 0 };
    return generations.map((closure, index) => ({
      number: index + 1,
      createdAt: new Date(this.#host.now).toISOString(),
      closure,
      isCurrent: index + 1 === current,
    }));
  }

  setProfile(name: string, closure: string): void {
    const { generations, current } = this.profiles.get(name) ?? { generations: [], current: 0 };
    if (generations[current - 1] === closure) return;
    const made = [...generations, closure];
    this.profiles.set(name, { generations: made, current: made.length });
  }

  startBuild(name: string, { input, unit }: NixBuild): void {
    if (this.builds.get(name)?.input === input) return;
    this.results.delete(name);
    const build: ModelBuild = { input, attempt: Number(/^Attempt=(.*)$/m.exec(unit)?.[1]) };
    this.builds.set(name, build);
    this.#host.later(name, 'build', () => this.#endBuild(name, build));
    this.#host.trigger(name);
  }

  stopBuild(name: string): void {
    const build = this.builds.get(name);
    if (build !== undefined)
      this.#record(name, build, { cause: 'was ended by signal TERM', isPassing: true });
  }

  remove(name: string): void {
    this.builds.delete(name);
    this.results.delete(name);
    this.realised.delete(name);
  }

  #endBuild(name: string, build: ModelBuild): void {
    if (this.builds.get(name) === build) this.#record(name, build, this.buildFailure);
  }

  #record(name: string, { input, attempt }: ModelBuild, failure: ModelNix['buildFailure']): void {
    this.#host.disturbances++;
    this.builds.delete(name);
    if (failure === null) {
      this.setProfile(name, `/nix/store/${input}`);
      this.realised.set(name, input);
    }
    this.results.set(name, {
      input,
      attempt,
      isGood: failure === null,
      cause: failure?.cause ?? 'succeeded',
      isPassing: failure?.isPassing ?? false,
      at: this.#host.now,
      tail: failure === null ? [] : ['error: it does not build'],
      isReported: false,
    });
    this.#host.trigger(name);
  }

  #follow(path: string): SourceFacts {
    const closure = this.paths.get(path);
    if (closure === null)
      return { state: 'bad', reason: 'ClosureMissing', message: `${path} does not exist` };
    return { state: 'closure', closure: closure ?? path };
  }
}

interface ModelProfile {
  readonly generations: readonly string[];
  /** From 1, as Nix counts. */
  readonly current: number;
}

interface ModelBuild {
  readonly input: string;
  readonly attempt: number;
}

function sourceOf(kind: 'file' | 'text' | 'flake'): SourceFacts {
  return kind === 'file' ? { state: 'file', digest: 'digest' } : { state: 'given' };
}
