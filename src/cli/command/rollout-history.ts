import { formatAge } from '../../api/age.ts';
import type { Revision } from '../../api/revision.ts';
import { type Cell, formatTable } from '../../view/table.ts';
import { CliError } from '../cli-error.ts';
import { revisionsOf } from '../client/rollout.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { formatObject } from '../view/output.ts';
import { findContainer } from './find.ts';

export interface RolloutHistoryOptions {
  readonly output: 'table' | 'json' | 'yaml';
  /** Of which the spec is shown; null: all, in a line each. */
  readonly revision: number | null;
}

/** `nspawnctl rollout history NAME`: the specs that it has had, oldest first, and what became of each. */
export async function rolloutHistory(
  name: string,
  { output, revision }: RolloutHistoryOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  await findContainer(name, client);
  const list = await revisionsOf(client, name);
  if (revision !== null) {
    const found = list.items.find(item => item.revision === revision);
    if (found === undefined)
      throw new CliError(EXIT.noSuchObject, `${name} has no revision ${revision}`, [
        `see which there are: nspawnctl rollout history ${name}`,
      ]);
    const shown =
      output === 'table' ? await formatObject(found.spec, 'yaml') : await formatObject(found, output);
    await terminal.out(shown);
    return EXIT.done;
  }
  if (output !== 'table') {
    await terminal.out(await formatObject(list, output));
    return EXIT.done;
  }
  const now = terminal.now();
  const rows = list.items.map(item => rowOf(item, now));
  await terminal.out(
    formatTable([['REVISION', 'SPEC-HASH', 'ACCEPTED', 'STATE', 'WHY'], ...rows], terminal.paint),
  );
  return EXIT.done;
}

function rowOf({ revision, specHash, acceptedAt, ...rest }: Revision, now: number): readonly Cell[] {
  const [why = ''] = rest.rejected?.because.split('\n') ?? [];
  return [String(revision), specHash, `${formatAge(acceptedAt, now)} ago`, stateOf(rest), why];
}

function stateOf({
  isInForce,
  readyAt,
  rejected,
}: Pick<Revision, 'isInForce' | 'readyAt' | 'rejected'>): Cell {
  const wasReady = readyAt !== undefined;
  if (isInForce)
    return wasReady ? { text: 'InForce', style: 'good' } : { text: 'InForce,Trial', style: 'warning' };
  if (rejected !== undefined) return { text: 'Rejected', style: 'bad' };
  return wasReady ? 'WasReady' : 'NeverReady';
}
