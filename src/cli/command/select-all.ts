import type { Container } from '../../api/container.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { select } from './select.ts';

/**
 * All of the named containers, or none: half of a list of names is rarely what was meant. Null: some are missing, and which
 * has been said; the command ends with EXIT.noSuchObject.
 */
export async function selectAll(
  items: readonly Container[],
  names: readonly string[],
  terminal: Terminal,
): Promise<readonly Container[] | null> {
  const { found, missing } = await select(items, names);
  for (const error of missing) await reportError(error, terminal);
  return missing.length > 0 ? null : found;
}
