import type { Json, JsonObject } from '../api/manifest.ts';

/**
 * What a host already has, as manifests. This room is pure: texts in, specs out. Reading, writing and what has to be done
 * to the host beside it is `cli/command/import.ts`.
 *
 * Architecture invariant: nothing of what is converted is dropped in silence. It becomes a field, or an entry of
 * extraFlags, or a line of `notCarried`.
 */
export interface Imported {
  readonly name: string;
  readonly spec: JsonObject;
  /** For people: what has no place in a manifest, and why or what to do instead. */
  readonly notCarried: readonly string[];
}

/** A spec while it is put together. */
export class SpecDraft {
  readonly #fields: Record<string, Json> = {};
  readonly #flags: string[] = [];
  readonly #notCarried: string[] = [];

  set(field: string, value: Json): void {
    this.#fields[field] = value;
  }

  unset(field: string): void {
    delete this.#fields[field];
  }

  addTo(field: string, values: readonly string[]): void {
    const before = (this.#fields[field] ?? []) as readonly string[];
    this.#fields[field] = [...new Set([...before, ...values])];
  }

  addFlag(flag: string): void {
    if (!this.#flags.includes(flag)) this.#flags.push(flag);
  }

  /** `what` is a setting as it was written, `why` a sentence. */
  leave(what: string, why: string): void {
    this.#notCarried.push(`${what}: ${why}`);
  }

  finish(name: string): Imported {
    const flags = this.#flags.length === 0 ? {} : { extraFlags: this.#flags };
    return { name, spec: { ...this.#fields, ...flags }, notCarried: this.#notCarried };
  }
}
