import { run } from './command.ts';
import { journalctl, matchesOfUnit, readJournal, WHOLE } from './journal-reader.ts';

/** A run of a unit that the journal may have lines of. */
export interface UnitRun {
  readonly invocation: string;
  /** It is under way. */
  readonly isCurrent: boolean;
}

/** The run under way, or else the last one; `previous`: the one before that. Null: there is none that is known of. */
export async function findRun(
  unit: string,
  which: 'last' | 'previous',
  signal: AbortSignal,
): Promise<UnitRun | null> {
  const current = await currentRun(unit);
  if (which === 'last' && current !== null) return { invocation: current.invocation, isCurrent: true };
  const query = {
    ...WHOLE,
    matches: matchesOfUnit(unit),
    isReverse: true,
    // What the current run said, which may be much, is not gone through.
    ...(current?.startedAtSec === undefined ? {} : { until: `@${current.startedAtSec + 1}` }),
  };
  const enough = new AbortController();
  let newer = current?.invocation ?? null;
  try {
    for await (const { invocation } of readJournal(
      journalctl(query),
      AbortSignal.any([signal, enough.signal]),
    )) {
      if (invocation === '' || invocation === newer) continue;
      if (which === 'last' || newer !== null) return { invocation, isCurrent: false };
      newer = invocation;
    }
  } finally {
    enough.abort();
  }
  return null;
}

async function currentRun(unit: string): Promise<{ invocation: string; startedAtSec?: number } | null> {
  const properties = 'ActiveState,InvocationID,InactiveExitTimestamp';
  const { stdout } = await run('systemctl', [
    'show',
    '--timestamp=unix',
    `--property=${properties}`,
    '--',
    unit,
  ]);
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  const invocation = value('InvocationID');
  if (/^(inactive|failed)$/.test(value('ActiveState')) || !/^[0-9a-f]{32}$/.test(invocation)) return null;
  const started = /^@(\d+)/.exec(value('InactiveExitTimestamp'))?.[1];
  return { invocation, ...(started === undefined ? {} : { startedAtSec: Number(started) }) };
}
