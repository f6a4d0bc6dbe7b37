import { isErrorCode, messageOf } from '../../errors.ts';
import { run } from '../../host/command.ts';
import { readHostKeys } from '../../host/host-keys.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { findRoot } from './guest-root.ts';

/** `nspawnctl show-host-key NAME`: the public keys of its sshd, one a line, as known_hosts takes them. */
export async function showHostKey(name: string, { client, terminal }: Context): Promise<ExitCode> {
  if (process.geteuid?.() !== 0)
    throw new CliError(EXIT.notPermitted, "only root may read a container's files", [
      'run the same command with sudo',
    ]);
  const keys = await readInAnotherProcess((await findRoot(name, client)).root, name);
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
