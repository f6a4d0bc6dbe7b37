import { isErrorCode } from '../errors.ts';
import { run } from './command.ts';
import { readFileIfExists } from './files.ts';

/** The number of a group, wherever this host keeps its groups: Node itself cannot ask NSS. Null: there is none. */
export async function groupId(group: string): Promise<number | null> {
  return idOf(group, await entriesOf(group));
}

async function entriesOf(group: string): Promise<string> {
  try {
    // getent(1): 2 is for a name that nobody knows.
    return (await run('getent', ['group', group], { accept: [0, 2] })).stdout;
  } catch (error) {
    if (!isErrorCode(error, 'CommandMissing')) throw error;
    return (await readFileIfExists('/etc/group')) ?? '';
  }
}

/** group(5). */
function idOf(group: string, entries: string): number | null {
  const entry = entries.split('\n').find(line => line.startsWith(`${group}:`));
  const id = Number.parseInt(entry?.split(':')[2] ?? '', 10);
  return Number.isInteger(id) ? id : null;
}
