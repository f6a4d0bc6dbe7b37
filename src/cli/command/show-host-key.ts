import { isName } from '../../api/name.ts';
import { nixRootOf } from '../../api/nix-source.ts';
import { isErrorCode, messageOf } from '../../errors.ts';
import { run } from '../../host/command.ts';
import { findGuest } from '../../host/guest-facts.ts';
import { readHostKeys } from '../../host/host-keys.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { escapeLine } from '../view/escape.ts';
import { findContainer } from './find.ts';

/** `nspawnctl show-host-key NAME`: the public keys of its sshd, one a line, as known_hosts takes them. */
export async function showHostKey(name: string, { client, terminal }: Context): Promise<ExitCode> {
  if (process.geteuid?.() !== 0)
    throw new CliError(EXIT.notPermitted, "only root may read a container's files", [
      'run the same command with sudo',
    ]);
  const keys = await readInAnotherProcess(await rootOf(name, client), name);
  if (keys === '')
    throw new CliError(EXIT.no, `${name} has no ssh host key in /etc/ssh`, [
      'sshd makes them when it starts for the first time',
    ]);
  await terminal.out(keys);
  return EXIT.done;
}

/** What that other process does. */
export async function printHostKeys(root: string, { terminal }: Context): Promise<ExitCode> {
  for (const key of await readHostKeys(root)) await terminal.out(`${escapeLine(key)}\n`);
  return EXIT.done;
}

/** Of a running guest what it sees itself, which need not be its tree; nspawnd knows the tree of one that is down. */
async function rootOf(name: string, client: Client): Promise<string> {
  const container = await findContainer(name, client).catch((error: unknown) => {
    if (error instanceof CliError && error.exitCode === EXIT.unavailable && isName(name)) return error;
    throw error;
  });
  const isKnown = !(container instanceof CliError);
  const guest = await findGuest(name, isKnown ? (container.status.leader ?? null) : null);
  if (guest !== null) return `/proc/${guest.leader}/root`;
  if (!isKnown) throw container;
  const { root } = container.spec;
  return typeof root === 'string' ? root : nixRootOf(name);
}

/** A guest can make a file system that never answers. A process that waits for it can be killed, a thread of ours not. */
async function readInAnotherProcess(root: string, name: string): Promise<string> {
  const [, script = ''] = process.argv;
  const args = [...process.execArgv, script, 'show-host-key', '--read', root];
  try {
    const { stdout } = await run(process.execPath, args, { timeoutMs: TIMEOUT_MS });
    return stdout === '' ? '' : `${stdout}\n`;
  } catch (error) {
    throw isErrorCode(error, 'CommandTimeout')
      ? new CliError(EXIT.timedOut, `the files of ${name} do not answer`, [], { cause: error })
      : new CliError(EXIT.no, `the files of ${name} cannot be read: ${messageOf(error)}`, [], {
          cause: error,
        });
  }
}

const TIMEOUT_MS = 5_000;
