import { run } from './command.ts';

const LINES = 10;
const MAX_LINE_LENGTH = 300;

/** The last lines that one run of a unit left in the journal, cleaned of what would disturb a terminal. */
export async function lastLines(invocationId: string): Promise<readonly string[]> {
  if (!/^[0-9a-f]{32}$/.test(invocationId)) return [];
  const { stdout } = await run(
    'journalctl',
    ['--quiet', '--no-pager', '--output=cat', `--lines=${LINES}`, `_SYSTEMD_INVOCATION_ID=${invocationId}`],
    { accept: [0, 1] },
  );
  return stdout
    .split('\n')
    .map(line =>
      line.replace(ESCAPE_SEQUENCES, '').replace(CONTROL_CHARACTERS, '').trimEnd().slice(0, MAX_LINE_LENGTH),
    )
    .filter(line => line !== '');
}

/** ECMA-48 control sequences, which a guest's console is full of. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const ESCAPE_SEQUENCES = /\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;
