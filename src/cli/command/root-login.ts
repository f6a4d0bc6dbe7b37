import { loginShell } from '../../host/guest-command.ts';
import type { Context } from '../context.ts';
import { attach } from './attach.ts';
import { chooseWay, findRunning } from './guest.ts';

/** `nspawnctl root-login NAME`: root's shell in the guest, without a password; ends with the shell's exit status. */
export async function rootLogin(
  name: string,
  { enter }: { readonly enter: boolean },
  { client, terminal }: Context,
): Promise<number> {
  const guest = await findRunning(name, client);
  const way = await chooseWay(guest, enter);
  return attach(loginShell(guest, way), way, name, terminal);
}
