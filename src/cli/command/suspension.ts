import { formatSpan } from '../../api/age.ts';
import { findCondition } from '../../api/condition.ts';
import { escapeLine } from '../../view/escape.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { each } from './each.ts';

/** `nspawnctl suspend NAME... [--for 2h]`: whatever happens, nspawnd does nothing. */
export function suspend(names: readonly string[], forMs: number | null, context: Context): Promise<ExitCode> {
  const { client, terminal } = context;
  return each(names, context, async ({ metadata: { name } }) => {
    await client.suspend(name, forMs === null ? null : Math.ceil(forMs / 1000));
    const end = forMs === null ? `until: nspawnctl resume ${name}` : `for ${formatSpan(forMs)}`;
    await terminal.out(`container/${name} suspended ${end}\n`);
    return EXIT.done;
  });
}

/** `nspawnctl resume NAME...`: from now on the manifest is what counts again. */
export function resume(names: readonly string[], context: Context): Promise<ExitCode> {
  const { client, terminal } = context;
  return each(names, context, async container => {
    const { name } = container.metadata;
    const wasSuspended = findCondition(container.status.conditions, 'Suspended') !== undefined;
    await client.resume(name);
    await terminal.out(`container/${name} ${wasSuspended ? 'resumed' : 'was not suspended'}\n`);
    return EXIT.done;
  });
}

/** `nspawnctl reconcile NAME...`: an honest no where something is left to do that nspawnd cannot. */
export function reconcile(names: readonly string[], context: Context): Promise<ExitCode> {
  const { client, terminal } = context;
  return each(names, context, async ({ metadata: { name } }) => {
    const { status } = await client.reconcile(name);
    const left =
      findCondition(status.conditions, 'Stalled') ?? findCondition(status.conditions, 'Reconciling');
    const said = left === undefined ? status.phase : `${status.phase}, ${left.reason}: ${left.message}`;
    await terminal.out(`container/${name} reconciled: ${escapeLine(said)}\n`);
    return left?.type === 'Stalled' ? EXIT.no : EXIT.done;
  });
}
