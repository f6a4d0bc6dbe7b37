import { parseDurationSec } from '../../api/duration.ts';
import { hiddenOption, nameArgument, parseCount, parsePattern, type Register } from '../command-line.ts';

interface Options {
  readonly follow?: true;
  readonly since?: string;
  readonly sinceTime?: string;
  readonly previous?: true;
  readonly tail?: number;
  readonly timestamps?: true;
  readonly grep?: RegExp;
  readonly console?: true;
  readonly guest?: true;
  readonly controller?: true;
}

export const registerLogs: Register = (program, act) => {
  const command = program
    .command('logs')
    .addArgument(nameArgument('<name>', 'a container'))
    .description("what a container's console and its own journal say, of this run or the last one")
    .option('-f, --follow', 'go on with what comes, also when it is started again')
    .option('--since <time>', 'of all its runs since: 10m (ago), 2026-01-31T12:00:00Z, yesterday')
    .option('-p, --previous', 'of the run before')
    .option('-n, --tail <count>', 'only the last lines', parseCount)
    .option('--timestamps', 'when each line was said, in UTC')
    .option('--grep <pattern>', 'only what matches a regular expression', parsePattern)
    .option('--console', 'only what its console printed, and systemd said of its unit')
    .option('--guest', 'only its own journal')
    .option('--controller', 'what nspawnd says of it')
    .addOption(hiddenOption('--since-time <time>'));
  for (const [one, others] of [
    ['console', ['guest', 'controller']],
    ['guest', ['console', 'controller']],
    ['controller', ['previous']],
  ] as const)
    command.options.find(option => option.attributeName() === one)?.conflicts([...others]);
  command.action(
    act(async (context, name: string, options: Options) => {
      const { logs } = await import('../command/logs.ts');
      const { follow, since = options.sinceTime, previous, tail = null, timestamps, grep = null } = options;
      const only = (['console', 'guest', 'controller'] as const).find(one => options[one] === true) ?? null;
      const wanted = {
        follow: follow === true,
        since: since === undefined ? null : forJournalctl(since, Date.now()),
        previous: previous === true,
        lines: tail,
        timestamps: timestamps === true,
        grep,
        only,
      };
      return logs(name, wanted, context);
    }),
  );
};

/** A span is so long ago; a time of RFC 3339 is what it says, also in a guest with another zone; the rest is journalctl's. */
export function forJournalctl(text: string, now: number): string {
  const seconds = parseDurationSec(text);
  if (seconds !== null && /[a-z]/.test(text)) return `@${(now / 1000 - seconds).toFixed(3)}`;
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? text : `@${(time / 1000).toFixed(3)}`;
}
