import { cleanLine } from './clean-line.ts';
import { runShort } from './short-command.ts';

const LINES = 10;

/** The last lines that one run of a unit left in the journal, cleaned of what would disturb a terminal. */
export async function lastLines(invocationId: string): Promise<readonly string[]> {
  if (!/^[0-9a-f]{32}$/.test(invocationId)) return [];
  const { stdout } = await runShort(
    'journalctl',
    ['--quiet', '--no-pager', '--output=cat', `--lines=${LINES}`, `_SYSTEMD_INVOCATION_ID=${invocationId}`],
    { accept: [0, 1] },
  );
  return stdout
    .split('\n')
    .map(cleanLine)
    .filter(line => line !== '');
}
