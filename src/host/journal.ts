import { cleanLine } from './clean-line.ts';
import { runShort } from './short-command.ts';

const LINES = 10;
const MAX_COMPLAINTS = 100;

/** What went wrong in one run of a unit, or with it, as far as anybody said so; the first is what the others came of. */
export function complaints(invocationId: string): Promise<readonly string[]> {
  return linesOf(invocationId, [
    ...['--priority=warning', `--lines=${MAX_COMPLAINTS}`],
    ...[`_SYSTEMD_INVOCATION_ID=${invocationId}`, '+', `INVOCATION_ID=${invocationId}`],
  ]);
}

/** The last lines that one run of a unit left in the journal, cleaned of what would disturb a terminal. */
export function lastLines(invocationId: string): Promise<readonly string[]> {
  return linesOf(invocationId, [`--lines=${LINES}`, `_SYSTEMD_INVOCATION_ID=${invocationId}`]);
}

async function linesOf(invocationId: string, query: readonly string[]): Promise<readonly string[]> {
  if (!/^[0-9a-f]{32}$/.test(invocationId)) return [];
  const { stdout } = await runShort('journalctl', ['--quiet', '--no-pager', '--output=cat', ...query], {
    accept: [0, 1],
  });
  return stdout
    .split('\n')
    .map(cleanLine)
    .filter(line => line !== '');
}
