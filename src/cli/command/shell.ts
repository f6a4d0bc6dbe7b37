import { loginShell } from '../../host/guest-command.ts';
import type { Context } from '../context.ts';
import { attach } from './attach.ts';
import { chooseWay, findRunning } from './guest.ts';
import { chooseUser } from './user.ts';

export interface ShellOptions {
  /** Null: root. */
  readonly user: string | null;
  readonly enter: boolean;
}

/** `nspawnctl shell NAME [COMMAND...]`: a user's own shell; a command is a line for it, as ssh gives it. */
export async function shell(
  name: string,
  command: readonly string[],
  options: ShellOptions,
  { client, terminal }: Context,
): Promise<number> {
  const guest = await findRunning(name, client);
  const way = await chooseWay(guest, options.enter);
  const user = await chooseUser(options.user, guest, way);
  const line = command.length === 0 ? null : command.join(' ');
  return attach(loginShell(guest, way, user, line), way, name, terminal);
}
