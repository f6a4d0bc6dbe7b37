import { isatty } from 'node:tty';
import { runAttached } from '../../host/attached-command.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-code.ts';
import { findRunning, toCliError } from './guest.ts';

/** `nspawnctl login NAME`: the guest's own login prompt. */
export async function login(name: string, { client }: Context): Promise<number> {
  const guest = await findRunning(name, client);
  const instead = [`get a root shell: nspawnctl root-login ${name}`];
  if (!guest.hasSystemd)
    throw new CliError(EXIT.no, `${name} has no login: it runs a command, not an init with a getty`, instead);
  if (!isatty(0) || !isatty(1))
    throw new CliError(EXIT.usage, 'login needs a terminal', [
      `run a command: nspawnctl run ${name} -- COMMAND`,
    ]);
  const argv = ['machinectl', 'login', name];
  const ourTerminal = { descriptors: [], isTerminal: true, hasInput: true };
  return runAttached({ argv, ...ourTerminal, passOn: null, outlives: null }).catch(toCliError);
}
