import type { EndedRecord, UnitFacts } from '../planning/observed.ts';
import { lastLines } from './journal.ts';

type Record = Omit<EndedRecord, 'lastLines'>;

const MAX_KEPT_LINES = 500;

/** What runs that ended said last, from the journal; kept, because it is looked at often and changes no more. */
export class LastWords {
  readonly #read: (invocationId: string) => Promise<readonly string[]>;
  readonly #linesByInvocation = new Map<string, readonly string[]>();
  readonly #reading = new Map<string, Promise<readonly string[]>>();

  constructor(read: (invocationId: string) => Promise<readonly string[]> = lastLines) {
    this.#read = read;
  }

  /** Begins with the journal as soon as there is a record, beside whatever else is asked for. */
  async ahead(reading: Promise<Record | null>): Promise<Record | null> {
    const record = await reading;
    if (record !== null && !record.isRequested) void this.#linesOf(record.invocationId);
    return record;
  }

  /** Journal lines of a run that ended by itself; asked for until there are some, then kept while it is the last run. */
  async of(record: Record | null, isRunning: boolean): Promise<EndedRecord | null> {
    if (record === null) return null;
    if (isRunning || record.isRequested) return { ...record, lastLines: [] };
    return { ...record, lastLines: await this.#linesOf(record.invocationId) };
  }

  /** The first line of a run that is known to have failed; empty where there is none. */
  async ofFailed(unit: Pick<UnitFacts, 'activeState' | 'invocationId'>): Promise<string> {
    return unit.activeState === 'failed' ? ((await this.#linesOf(unit.invocationId))[0] ?? '') : '';
  }

  /** Never rejects: who has nothing to say was cut short, that is all. */
  #linesOf(invocationId: string): Promise<readonly string[]> {
    const known = this.#linesByInvocation.get(invocationId);
    if (known !== undefined) return Promise.resolve(known);
    const underWay = this.#reading.get(invocationId);
    if (underWay !== undefined) return underWay;
    const reading = this.#read(invocationId)
      .catch((): readonly string[] => [])
      .then(lines => {
        this.#reading.delete(invocationId);
        if (lines.length === 0) return lines;
        if (this.#linesByInvocation.size >= MAX_KEPT_LINES) this.#linesByInvocation.clear();
        this.#linesByInvocation.set(invocationId, lines);
        return lines;
      });
    this.#reading.set(invocationId, reading);
    return reading;
  }
}
