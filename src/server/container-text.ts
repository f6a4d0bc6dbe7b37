import type { Container } from '../api/container.ts';
import type { ControlPort } from '../controller/ports.ts';
import { containerColumns } from '../view/container-table.ts';
import { nameLine, noContainers, sortByName, tableText, wordLine } from '../view/listing.ts';
import { paintAnsi, paintPlain } from '../view/paint.ts';
import { sourceFooter } from '../view/source-footer.ts';
import { type Answer, refuse } from './answer.ts';
import { containerKind } from './container-kind.ts';
import { isTrue, type Query } from './query.ts';
import type { Ask, Route } from './route.ts';
import { isWanted, parseSelection } from './selection.ts';
import type { TextForm } from './text-form.ts';

/**
 * What `nspawnctl get [NAME...]` prints, byte for byte, for clients that ask for text: whoever shows it needs to understand
 * nothing, and to start nothing that does. Everything from outside is escaped in it.
 *
 * Only what is plain sailing is answered so. What the command would complain of is refused, and told by the command.
 */
export function textOr(answer: Route['answer']): Route['answer'] {
  return (ask, face) =>
    ask.textForm === null ? answer(ask, face) : asText(ask, face.control, ask.textForm, Date.now());
}

function asText({ query }: Ask, control: ControlPort, form: TextForm, now: number): Answer {
  if (isTrue(query.watch)) return refuse('BadRequest', 'a watch is not told as text');
  const found = select(query, control);
  if ('is' in found) return found;
  const notes = notesOf(found, form, control);
  if (!notes.every(isPlain)) return refuse('NotAcceptable', 'what has to be said fits in no header');
  return { is: 'text', code: 200, text: textOf(found, form, now), notes };
}

/** By selectors and name, or those named, each once and in that order. */
function select(query: Query, control: ControlPort): readonly Container[] | Answer {
  const { name: given = [] } = query;
  const names = new Set(typeof given === 'string' ? [given] : given);
  const selection = parseSelection(query, containerKind);
  if (typeof selection === 'string') return refuse('BadRequest', selection);
  if (names.size === 0)
    return sortByName(control.list().filter(object => isWanted(containerKind, object, selection)));
  if (selection.labels.length > 0 || selection.fields.length > 0)
    return refuse('BadRequest', 'either names or selectors, not both');
  const named: Container[] = [];
  for (const name of names) {
    const container = control.get(name);
    if (container === null)
      return refuse('NotFound', `containers.nspawnd.io ${JSON.stringify(name)} not found`);
    named.push(container);
  }
  return named;
}

function textOf(containers: readonly Container[], { as, isPainted }: TextForm, now: number): string {
  if (as === 'name') return containers.map(nameLine).join('');
  if (as === 'words') return containers.map(wordLine).join('');
  const columns = containerColumns({ isWide: as === 'wide', labels: [], showLabels: false });
  return tableText(columns, true, containers, now, isPainted ? paintAnsi : paintPlain);
}

/** What the command says besides, on stderr. */
function notesOf(found: readonly Container[], { as }: TextForm, control: ControlPort): readonly string[] {
  if (as === 'words') return [];
  const source = control.source();
  return [
    ...(found.length === 0 ? [noContainers(source.directory)] : []),
    ...(as === 'name' ? [] : sourceFooter(source)),
  ];
}

/** What may stand in a header between quotes as it is. */
function isPlain(note: string): boolean {
  return /^[\x20-\x7e]*$/.test(note) && !/["\\]/.test(note);
}
