import { productVersion } from '../../version.ts';
import { escapeLine } from '../../view/escape.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { formatObject } from '../view/output.ts';

export interface VersionOptions {
  readonly isClientOnly: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

/** `nspawnctl version`: of the command, and of the daemon it talks to. */
export async function version(
  { isClientOnly, output }: VersionOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const own = productVersion();
  const clientVersion = { gitVersion: `v${own}`, platform: `${process.platform}/${process.arch}` };
  const tell = async (object: object) => {
    if (output !== 'text') await terminal.out(await formatObject(object, output));
  };
  if (output === 'text') await terminal.out(`nspawnctl ${own}\n`);
  if (isClientOnly) {
    await tell({ clientVersion });
    return EXIT.done;
  }
  const serverVersion = await client.version().catch(async (error: unknown) => {
    await tell({ clientVersion });
    throw error;
  });
  await tell({ clientVersion, serverVersion });
  const its = serverVersion.gitVersion.replace(/^v/, '');
  if (output === 'text') await terminal.out(`nspawnd ${escapeLine(its)}\n`);
  if (its !== own)
    await terminal.err(
      'nspawnctl and nspawnd are not of one version; after an upgrade: systemctl restart nspawnd (no container notices)\n',
    );
  return EXIT.done;
}
