import { escapeLine } from '../../view/escape.ts';
import { Client } from '../client/client.ts';
import { chooseSockets } from '../client/sockets.ts';
import type { CommandShape } from '../completion/command-shape.ts';
import { complete, type Wanted, type Word } from '../completion/complete.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** A person waits for the key; what is not known by then is not offered. */
const ANSWER_TIMEOUT_MS = 1_000;

/** `nspawnctl __complete -- WORDS...`: what a shell asks; see `completion/script.ts`. Never says that something failed. */
export async function completeWords(
  program: CommandShape,
  given: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const wanted = complete(program, given);
  const words = await wordsFor(wanted, socketIn(given)).catch(() => []);
  const prefix = 'prefix' in wanted ? wanted.prefix : '';
  const typed = given.at(-1) ?? '';
  const lines = words.map(({ text, description }) => ({ text: `${prefix}${text}`, description }));
  const fitting = lines.filter(({ text }) => typed === '=' || text.startsWith(typed));
  if (wanted.is === 'files' || (wanted.is === 'places' && fitting.length === 0))
    await terminal.out(':files\n');
  if (fitting.some(({ text }) => /[:.=]$/.test(text))) await terminal.out(':nospace\n');
  for (const { text, description } of fitting)
    await terminal.out(`${escapeLine(text)}${description === '' ? '' : `\t${escapeLine(description)}`}\n`);
  return EXIT.done;
}

async function wordsFor(wanted: Wanted, socket: string | undefined): Promise<readonly Word[]> {
  switch (wanted.is) {
    case 'words':
      return wanted.words;
    case 'names':
      return (await names(socket)).filter(({ text }) => !wanted.except.includes(text));
    case 'places':
      return (await names(socket)).map(({ text, description }) => ({ text: `${text}:`, description }));
    case 'fields': {
      const { manifestJsonSchema } = await import('../../api/manifest-schema.ts');
      const { fieldWords } = await import('../completion/field-words.ts');
      return fieldWords(manifestJsonSchema());
    }
    default:
      return [];
  }
}

async function names(socket: string | undefined): Promise<readonly Word[]> {
  const { items } = await new Client(chooseSockets(socket), ANSWER_TIMEOUT_MS).list();
  return items
    .map(({ metadata, status }) => ({ text: metadata.name, description: status.phase }))
    .sort((one, other) => (one.text < other.text ? -1 : 1));
}

/** The daemon of the line that is being typed, which may not be the usual one. */
function socketIn(words: readonly string[]): string | undefined {
  const index = words.indexOf('--socket');
  if (index >= 0) return words[index + 1] === '=' ? words[index + 2] : words[index + 1];
  return words.find(word => word.startsWith('--socket='))?.slice('--socket='.length);
}
