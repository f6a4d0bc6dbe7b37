import { isatty } from 'node:tty';
import { runIn } from '../../host/guest-command.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { attach } from './attach.ts';
import { chooseWay, findRunning } from './guest.ts';
import { chooseUser } from './user.ts';

export interface ExecOptions {
  /** Our input is the command's; without, its input is empty. */
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly variables: readonly string[];
  /** Null: root. */
  readonly user: string | null;
  /** Null: the user's home. */
  readonly workdir: string | null;
  readonly enter: boolean;
}

/** `nspawnctl exec NAME -- COMMAND...`: `run` as kubectl spells it. */
export async function exec(
  name: string,
  command: readonly string[],
  options: ExecOptions,
  { client, terminal }: Context,
): Promise<number> {
  const { stdin, tty, variables, workdir, enter } = options;
  for (const variable of variables) checkVariable(variable);
  if (workdir !== null && !workdir.startsWith('/'))
    throw new CliError(EXIT.usage, `--workdir: not an absolute path: ${JSON.stringify(workdir)}`);
  const isTerminal = tty && (await canUseTerminal(stdin, terminal));
  const guest = await findRunning(name, client);
  const way = await chooseWay(guest, enter, isTerminal);
  const user = await chooseUser(options.user, guest, way);
  const inGuest = runIn(guest, command, way, { user, variables, directory: workdir });
  return attach(inGuest, way, name, terminal, { hasInput: stdin });
}

/** As kubectl: without -i there is none, and where there can be none that is said and the command runs all the same. */
async function canUseTerminal(stdin: boolean, terminal: Terminal): Promise<boolean> {
  if (stdin && isatty(0) && isatty(1)) return true;
  const which = !stdin
    ? 'without -i there is no input from it'
    : isatty(0)
      ? 'output is not one'
      : 'input is not one';
  await terminal.err(`nspawnctl: no terminal for the command: ${which}\n`);
  return false;
}

function checkVariable(variable: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(variable)) return;
  throw new CliError(EXIT.usage, `--env: not NAME=VALUE: ${JSON.stringify(variable)}`);
}
