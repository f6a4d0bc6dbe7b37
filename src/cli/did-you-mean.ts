import { closest, distance } from 'fastest-levenshtein';
import { escapeLine } from '../view/escape.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

/** No such container, with the existing name it may have been. */
export function noSuchContainer(name: string, existing: readonly string[]): CliError {
  const near = existing.length === 0 ? '' : closest(name.slice(0, 63), existing as string[]);
  const isNear = near !== '' && distance(name.slice(0, 63), near) <= Math.max(2, Math.floor(name.length / 3));
  const hint = isNear ? `did you mean ${near}?` : 'see what there is: nspawnctl get';
  return new CliError(EXIT.noSuchObject, `no container "${escapeLine(name)}"`, [hint]);
}
