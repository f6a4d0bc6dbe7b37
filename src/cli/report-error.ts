import { escapeLines } from '../view/escape.ts';
import type { CliError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** The one way in which a command says that something did not work: what, then what to do. */
export async function reportError(error: CliError, terminal: Pick<Terminal, 'err'>): Promise<void> {
  const [first = '', ...more] = escapeLines(error.message);
  const lines = [
    `nspawnctl: ${first}`,
    ...more,
    ...error.hints.flatMap(escapeLines).map(hint => `  ${hint}`),
  ];
  await terminal.err(`${lines.join('\n')}\n`);
}
