import type { EndedRecord } from '../planning/observed.ts';
import { lastLines } from './journal.ts';

const MAX_KEPT_LINES = 500;

/** What runs that ended said last, from the journal; kept, because it is looked at often and changes no more. */
export class LastWords {
  readonly #linesByInvocation = new Map<string, readonly string[]>();

  /** Journal lines of a run that ended by itself; asked for until there are some, then kept while it is the last run. */
  async of(record: Omit<EndedRecord, 'lastLines'> | null, isRunning: boolean): Promise<EndedRecord | null> {
    if (record === null) return null;
    if (isRunning || record.isRequested) return { ...record, lastLines: [] };
    const known = this.#linesByInvocation.get(record.invocationId);
    if (known !== undefined) return { ...record, lastLines: known };
    const lines = await lastLines(record.invocationId).catch(() => []);
    if (lines.length > 0) {
      if (this.#linesByInvocation.size >= MAX_KEPT_LINES) this.#linesByInvocation.clear();
      this.#linesByInvocation.set(record.invocationId, lines);
    }
    return { ...record, lastLines: lines };
  }
}
