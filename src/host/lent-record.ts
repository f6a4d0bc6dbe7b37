import { z } from 'zod';
import { listDirectory, putFile, readFileIfExists, removeFile } from './files.ts';

/** How an interface was when it was the host's, so that it can be the same again. */
export interface LentRecord {
  readonly name: string;
  readonly kind: string;
  readonly hostIndex: number;
  /** Its index in the guest's namespace, which a guest cannot change; null until it has been moved. */
  readonly guestIndex: number | null;
  readonly address: string;
  /** The burnt-in address where it is known, whatever the address in use. */
  readonly permanentAddress: string;
  readonly mtu: number;
  readonly alias: string;
  readonly isUp: boolean;
}

/**
 * Which interfaces of the host are a container's for now, on disk before they are moved: the guest may rename and change
 * them, and nspawnd may die at any time. At a boot the host has its interfaces again, and the records are gone.
 */
export class LentRecords {
  readonly #directory: string;

  constructor(runtimeDirectory: string) {
    this.#directory = `${runtimeDirectory}/interfaces`;
  }

  async of(container: string): Promise<readonly LentRecord[]> {
    const text = await readFileIfExists(this.#path(container));
    if (text === null) return [];
    try {
      return z.array(recordSchema).parse(JSON.parse(text));
    } catch {
      return [];
    }
  }

  async put(container: string, records: readonly LentRecord[]): Promise<void> {
    if (records.length === 0) return removeFile(this.#path(container));
    await putFile(this.#path(container), JSON.stringify(records), 0o600);
  }

  /** Adds a record, or replaces the one of the same interface. */
  async add(container: string, record: LentRecord): Promise<void> {
    const others = (await this.of(container)).filter(({ name }) => name !== record.name);
    await this.put(container, [...others, record]);
  }

  async drop(container: string, name: string): Promise<void> {
    await this.put(
      container,
      (await this.of(container)).filter(record => record.name !== name),
    );
  }

  async containers(): Promise<readonly string[]> {
    return (await listDirectory(this.#directory)).filter(name => !name.includes('.'));
  }

  /** Who else has it; null: nobody. */
  async holder(interfaceName: string, except: string): Promise<string | null> {
    for (const container of await this.containers()) {
      if (container === except) continue;
      if ((await this.of(container)).some(({ name }) => name === interfaceName)) return container;
    }
    return null;
  }

  #path(container: string): string {
    return `${this.#directory}/${container}`;
  }
}

const word = z.string().max(256);
const recordSchema = z.object({
  name: word,
  kind: word,
  hostIndex: z.number(),
  guestIndex: z.number().nullable(),
  address: word,
  permanentAddress: word,
  mtu: z.number(),
  alias: word,
  isUp: z.boolean(),
});
