import { escapeLine } from '../../view/escape.ts';
import { count } from '../../view/source-footer.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';

/** `nspawnctl prune`: shows deletions that are held, or lets exactly the ones shown happen. */
export async function prune(
  { confirm }: { readonly confirm: string | undefined },
  { client, terminal }: Context,
): Promise<ExitCode> {
  if (confirm !== undefined) {
    const before = await client.source();
    await client.prune(confirm);
    const names = before.held?.hash === confirm ? before.held.names : [];
    await terminal.out(`Confirmed${names.length === 0 ? '' : `: ${names.map(escapeLine).join(', ')}`}\n`);
    return EXIT.done;
  }
  const { held, message, directory } = await client.source();
  if (held === null && message === '') {
    await terminal.out('No deletions are held.\n');
    return EXIT.done;
  }
  if (held === null) {
    await terminal.out(
      `Nothing is deleted, and nothing can be confirmed, until this is mended:\n  ${escapeLine(message)}\n`,
    );
    return EXIT.no;
  }
  const reason = message === '' ? '' : `: ${escapeLine(message)}`;
  await terminal.out(
    [
      `${count(held.names.length, 'deletion')} held${reason}`,
      '',
      ...held.names.map(name => `  ${escapeLine(name)}`),
      '',
      `If these manifests were meant to go from ${escapeLine(directory)}, confirm; root trees are kept:`,
      `  nspawnctl prune --confirm ${escapeLine(held.hash)}`,
      'If not, put them back, and nothing happens.',
      '',
    ].join('\n'),
  );
  return EXIT.no;
}
