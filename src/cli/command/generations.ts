import type { Generation } from '../../api/generation.ts';
import { formatTable } from '../../view/table.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { formatObject } from '../view/output.ts';
import { findContainer } from './find.ts';

/** `nspawnctl generations NAME`: the systems that Nix has made for it, oldest first. */
export async function generations(
  name: string,
  { output }: { readonly output: 'table' | 'json' | 'yaml' },
  { client, terminal }: Context,
): Promise<ExitCode> {
  const container = await findContainer(name, client);
  const list = await client.generations(name);
  if (output !== 'table') {
    await terminal.out(await formatObject(list, output));
    return EXIT.done;
  }
  if (list.items.length === 0) {
    await terminal.err(
      `${name} has no generations${isNix(container.spec) ? ' yet' : ': it is no system made by Nix'}.\n`,
    );
    return EXIT.no;
  }
  const running = container.status.nix?.runningClosure;
  const rows = list.items.map(generation => rowOf(generation, running));
  await terminal.out(formatTable([['GENERATION', 'DATE', 'STATE', 'CLOSURE'], ...rows], terminal.paint));
  return EXIT.done;
}

function rowOf({ number, createdAt, isCurrent, closure }: Generation, running: string | undefined) {
  const state = [isCurrent ? 'current' : '', closure === running ? 'running' : ''].filter(
    word => word !== '',
  );
  return [String(number), createdAt.slice(0, 19).replace('T', ' '), state.join(',') || '-', closure];
}

function isNix(spec: Readonly<Record<string, unknown>>): boolean {
  return ['path', 'config', 'flake'].some(field => field in spec);
}
