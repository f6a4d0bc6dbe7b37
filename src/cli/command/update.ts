import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { waitForSystems } from './change-system.ts';
import { selectAll } from './select-all.ts';

export interface UpdateOptions {
  /** Nothing is built: what the guest has already is switched to once more. */
  readonly reloadOnly: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/** `nspawnctl update NAME...`: makes the systems anew, brings them to the guests, and waits until that has happened. */
export async function update(
  names: readonly string[],
  { reloadOnly, wait, timeoutMs }: UpdateOptions,
  context: Context,
): Promise<ExitCode> {
  const { client, terminal } = context;
  const found = await selectAll((await client.list()).items, names, terminal);
  if (found === null) return EXIT.noSuchObject;
  const requestedAt = new Map<string, string>();
  for (const { metadata } of found) {
    const answer = await client.update(metadata.name, reloadOnly ? 'switch' : 'build');
    requestedAt.set(metadata.name, answer.requestedAt);
    if (!wait) await terminal.out(`container/${metadata.name} update requested\n`);
  }
  if (!wait) return EXIT.done;
  return waitForSystems({ verb: reloadOnly ? 'reload' : 'update', requestedAt, timeoutMs }, context);
}
