import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { findContainer } from './find.ts';

/** `nspawnctl show-ip NAME`: its IPv4 address, or all of its addresses, one a line. */
export async function showIp(
  name: string,
  { all }: { readonly all: boolean },
  { client, terminal }: Context,
): Promise<ExitCode> {
  const { status } = await findContainer(name, client);
  const shown = all ? status.addresses : status.addresses.filter(address => !address.includes(':'));
  if (shown.length === 0) {
    const [other] = status.addresses;
    throw new CliError(EXIT.no, `${name} has no ${all ? '' : 'IPv4 '}address of its own`, [
      other === undefined
        ? 'its manifest gives it none (spec.localAddress)'
        : `it has ${other}; see all: nspawnctl show-ip --all ${name}`,
    ]);
  }
  await terminal.out(shown.map(address => `${escapeLine(address)}\n`).join(''));
  return EXIT.done;
}
