import { findCondition } from '../../api/condition.ts';
import type { Container, Phase } from '../../api/container.ts';
import { isName } from '../../api/name.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';

export type StatusWord = 'up' | 'starting' | 'stopping' | 'down' | 'failed' | 'gone' | 'unknown';

/** `nspawnctl status NAME`: one word. Exit code 0: it is up; 1: it is not; 66: there is no such container. */
export async function status(name: string, { client, terminal }: Context): Promise<ExitCode> {
  try {
    const word = isName(name) ? statusWord(await client.get(name)) : 'gone';
    await terminal.out(`${word}\n`);
    return word === 'up' ? EXIT.done : word === 'gone' ? EXIT.noSuchObject : EXIT.no;
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.noSuchObject) throw error;
    await terminal.out('gone\n');
    return EXIT.noSuchObject;
  }
}

/** Ready is up, also with a manifest that has gone bad meanwhile; what tries again by itself has failed until it is ready. */
export function statusWord({ status: { conditions, phase } }: Container): StatusWord {
  if (findCondition(conditions, 'Ready')?.status === 'True') return 'up';
  return WORD[phase];
}

const WORD: Readonly<Record<Phase, StatusWord>> = {
  Pending: 'starting',
  Starting: 'starting',
  Running: 'starting',
  Stopping: 'stopping',
  Removing: 'stopping',
  Stopped: 'down',
  Exited: 'down',
  Failed: 'failed',
  BackOff: 'failed',
  Stalled: 'failed',
  Invalid: 'failed',
  Unknown: 'unknown',
};
