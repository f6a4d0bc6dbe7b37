import { isName } from '../../api/name.ts';
import { nixRootOf } from '../../api/nix-source.ts';
import { findGuest } from '../../host/guest-facts.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import { EXIT } from '../exit-code.ts';
import { findContainer } from './find.ts';

export interface GuestRoot {
  /** `/proc/LEADER/root` of one that runs, else its tree. */
  readonly root: string;
  readonly isRunning: boolean;
}

/** Of a running guest what it sees itself, which need not be its tree; nspawnd knows the tree of one that is down. */
export async function findRoot(name: string, client: Client): Promise<GuestRoot> {
  const container = await findContainer(name, client).catch((error: unknown) => {
    if (error instanceof CliError && error.exitCode === EXIT.unavailable && isName(name)) return error;
    throw error;
  });
  const isKnown = !(container instanceof CliError);
  const guest = await findGuest(name, isKnown ? (container.status.leader ?? null) : null);
  if (guest !== null) return { root: `/proc/${guest.leader}/root`, isRunning: true };
  if (!isKnown) throw container;
  const { root } = container.spec;
  return { root: typeof root === 'string' ? root : nixRootOf(name), isRunning: false };
}
