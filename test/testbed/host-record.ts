import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stateDirectory } from './places.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import type { Suite } from './suite.ts';

/** What is known of a host that was started, for every process that wants to find it: /run/nspawnd-testbed/NAME. */
export interface HostRecord {
  readonly name: string;
  readonly suite: Suite;
  readonly startService: boolean;
  readonly hostTree: string;
  /** What is installed above it; null: nspawnd is not. */
  readonly layer: string | null;
  readonly guestTree: string;
  /** By the name below /var/lib/machines. */
  readonly extraTrees: Readonly<Record<string, string>>;
  readonly disk: string;
  readonly cgroup: string;
  /** Who is starting it; until there is a supervisor, the host is theirs. */
  readonly starter: ProcessIdentity;
  /** The process the host must not outlive. */
  readonly owner?: ProcessIdentity;
  readonly supervisor?: ProcessIdentity;
}

export function stateOf(name: string): string {
  return join(stateDirectory, name);
}

/** Makes the name ours: false if somebody has it, dead or alive. */
export async function claimRecord(record: HostRecord): Promise<boolean> {
  await mkdir(stateDirectory, { recursive: true });
  try {
    await mkdir(stateOf(record.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await writeRecord(record);
  return true;
}

export async function writeRecord(record: HostRecord): Promise<void> {
  const file = join(stateOf(record.name), 'host.json');
  await writeFile(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** Undefined when there is no host of this name. */
export async function readRecord(name: string): Promise<HostRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(stateOf(name), 'host.json'), 'utf8')) as HostRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Nobody tends this host any more; what is left of it is to be swept. */
export function isStale(record: HostRecord): boolean {
  return !isAlive(record.supervisor ?? record.starter);
}

export async function listHosts(): Promise<readonly HostRecord[]> {
  if (!existsSync(stateDirectory)) return [];
  const names = await readdir(stateDirectory);
  const records = await Promise.all(names.map(readRecord));
  return records.filter(record => record !== undefined);
}
