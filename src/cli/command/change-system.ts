import { formatDuration } from '../../api/age.ts';
import { findCondition } from '../../api/condition.ts';
import type { Container } from '../../api/container.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { sightings } from './sightings.ts';
import type { Verdict } from './verdict.ts';

/** A change of systems made by Nix that was asked for: `update` and `rollback` wait for it the same way. */
export interface SystemChange {
  readonly verb: 'update' | 'rollback' | 'reload';
  /** When each was asked for, by name: the container's status says when it has been taken up. */
  readonly requestedAt: ReadonlyMap<string, string>;
  readonly timeoutMs: number;
}

const PAST = { update: 'updated', rollback: 'rolled back', reload: 'reloaded' } as const;

/** Waits until all of them are done, telling on the way what each is doing. */
export async function waitForSystems(
  { verb, requestedAt, timeoutMs }: SystemChange,
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const waiting = new Map(requestedAt);
  const words = new Map<string, string>();
  const over = new AbortController();
  const deadline = setTimeout(() => over.abort(), timeoutMs);
  let code: ExitCode = EXIT.done;

  const see = async (name: string, container: Container | null): Promise<void> => {
    const since = waiting.get(name);
    if (since === undefined) return;
    const verdict = judgeSystem(verb, since, container);
    if (verdict.is === 'underway') {
      const word = container?.status.waitingFor ?? '';
      if (word !== '' && words.get(name) !== word)
        await terminal.err(`container/${name}: ${escapeLine(word)}\n`);
      words.set(name, word);
      return;
    }
    waiting.delete(name);
    if (waiting.size === 0) over.abort();
    if (verdict.is === 'done') {
      await terminal.out(`container/${name} ${PAST[verb]}${escapeLine(describeSystem(container))}\n`);
      return;
    }
    code = EXIT.no;
    const message = `${verb} of ${name} failed: ${verdict.reason}: ${verdict.message}`;
    await reportError(new CliError(EXIT.no, message, [`see more: nspawnctl describe ${name}`]), terminal);
  };

  try {
    for await (const seen of sightings(() => waiting.keys(), context, over.signal))
      for (const [name, container] of seen) await see(name, container);
  } finally {
    clearTimeout(deadline);
  }
  for (const name of waiting.keys()) {
    const message = `${verb} of ${name} is not done after ${formatDuration(timeoutMs)}: ${words.get(name) ?? ''}`;
    const hint = `it goes on; watch it: nspawnctl get -w ${name}`;
    await reportError(new CliError(EXIT.timedOut, message, [hint]), terminal);
  }
  return waiting.size > 0 ? EXIT.timedOut : code;
}

/** How far a change has come that was asked for at `since`. Pure. */
export function judgeSystem(verb: SystemChange['verb'], since: string, container: Container | null): Verdict {
  const failed = (reason: string, message: string): Verdict => ({ is: 'failed', reason, message });
  if (container === null) return failed('Removed', 'its manifest is gone, and so is the container');
  const { nix, conditions, waitingFor } = container.status;
  const takenAt = nix?.updateRequestedAt;
  if (nix === undefined) return failed('NotMadeByNix', 'it has no system made by Nix any more');
  if (takenAt === undefined || takenAt < since) return { is: 'underway' };

  const reconciling = findCondition(conditions, 'Reconciling');
  const restart = findCondition(conditions, 'RestartRequired');
  const root = findCondition(conditions, 'RootReady');
  const ready = findCondition(conditions, 'Ready');
  if (verb === 'reload' && nix.lastSwitch !== undefined && nix.lastSwitch.time >= since) {
    const { isGood, how, output } = nix.lastSwitch;
    if (isGood) return { is: 'done' };
    return failed('SwitchFailed', `switch-to-configuration ${how}${output === '' ? '' : `\n${output}`}`);
  }
  if (reconciling?.reason === 'BuildBackOff' || reconciling?.reason === 'BackOff')
    return failed(reconciling.reason, reconciling.message);
  if (waitingFor !== undefined) return { is: 'underway' };
  if (root?.status === 'False') return failed(root.reason, root.message);
  if (restart?.reason === 'SwitchFailed') return failed(restart.reason, restart.message);
  if (verb === 'reload') return failed('NotRunning', ready?.message ?? 'it does not run');
  return { is: 'done' };
}

/** `: generation 3, /nix/store/...`, and whether a guest that runs has it. */
function describeSystem(container: Container | null): string {
  const { nix, leader } = container?.status ?? {};
  if (nix?.closure === undefined) return '';
  const isBehind = leader !== undefined && nix.runningClosure !== nix.closure;
  const behind = isBehind ? '; the guest that runs does not have it: nspawnctl restart' : '';
  return `: generation ${nix.generation}, ${nix.closure}${behind}`;
}
