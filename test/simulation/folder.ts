import type { JsonObject } from '../../src/api/manifest.ts';
import type { ManifestPort } from '../../src/controller/ports.ts';
import type { Desired } from '../../src/planning/desired.ts';
import { ModelManifests } from '../model/model-manifests.ts';

/** The manifests directory as the people have it who put files into it; and each nspawnd its own eyes on it. */
export interface Folder {
  put(name: string, spec: JsonObject): void;
  remove(name: string): void;
  /** The file no longer says anything. */
  breakFile(name: string): void;
  /** Whether the directory may delete: missing, unreadable and replaced ones do not. */
  setHealthy(isHealthy: boolean): void;
  spec(name: string): JsonObject | null;
  names(): readonly string[];
  /** What is in force of it. */
  desired(name: string): Desired;
  /** Whether it would be wrong to delete it, whatever anybody makes of the files. */
  isMeant(name: string): boolean;
  /** A person has confirmed that these go, and was told that they will. */
  confirmed(names: readonly string[]): void;
  /** That was so of it, and no manifest of it has come since. */
  mustBeGone(name: string): boolean;
  /** How long at most until what is in it is in force. */
  readonly settlesInMs: number;
  open(): ManifestPort;
  close(): void;
}

/** Without files: fast, and always up to date. */
export class ModelFolder implements Folder {
  readonly settlesInMs = 0;
  readonly #manifests = new ModelManifests();

  put(name: string, spec: JsonObject): void {
    this.#manifests.put(name, spec);
  }

  remove(name: string): void {
    this.#manifests.remove(name);
  }

  breakFile(name: string): void {
    this.#manifests.breakFile(name);
  }

  setHealthy(isHealthy: boolean): void {
    this.#manifests.heal(
      isHealthy ? null : { reason: 'DirectoryMissing', message: 'the manifests directory is missing' },
    );
  }

  spec(name: string): JsonObject | null {
    const desired = this.desired(name);
    return desired.state === 'present' ? desired.manifest.written : null;
  }

  names(): readonly string[] {
    return this.#manifests.names();
  }

  desired(name: string): Desired {
    return this.#manifests.desired(name);
  }

  isMeant(name: string): boolean {
    return this.desired(name).state !== 'absent';
  }

  confirmed(): void {}

  mustBeGone(): boolean {
    return false;
  }

  open(): ManifestPort {
    return this.#manifests;
  }

  close(): void {}
}
