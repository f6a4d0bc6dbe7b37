import type { CommandShape } from './command-shape.ts';
import { complete } from './complete.ts';

/** The commands whose first word is the name of a container: those of one name, or those of any number. */
export function takersOfNames(program: CommandShape, ofMany: boolean): readonly string[] {
  return program.commands.filter(command => isTaker(program, command, ofMany)).map(({ name }) => name);
}

/** Asked of the completion itself, so that the two cannot differ. */
function isTaker(program: CommandShape, { name }: CommandShape, ofMany: boolean): boolean {
  const offersNames = (given: readonly string[]) => complete(program, [name, ...given, '']).is === 'names';
  return offersNames([]) && offersNames(['web']) === ofMany;
}
