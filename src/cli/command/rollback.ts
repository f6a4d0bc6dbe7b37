import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { waitForSystems } from './change-system.ts';
import { findContainer } from './find.ts';

export interface RollbackOptions {
  /** Null: the one before the current one. */
  readonly to: number | null;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/** `nspawnctl rollback NAME`: an earlier generation is the current one, and the guest gets it as `update` of its spec says. */
export async function rollback(
  name: string,
  { to, wait, timeoutMs }: RollbackOptions,
  context: Context,
): Promise<ExitCode> {
  await findContainer(name, context.client);
  const { requestedAt, generation } = await context.client.rollback(name, to);
  if (!wait) {
    await context.terminal.out(`container/${name} rollback to generation ${generation} requested\n`);
    return EXIT.done;
  }
  return waitForSystems(
    { verb: 'rollback', requestedAt: new Map([[name, requestedAt]]), timeoutMs },
    context,
  );
}
