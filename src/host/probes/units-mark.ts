import { readdirSync, statSync } from 'node:fs';
import { unitName } from '../../api/container.ts';

const CGROUPS = '/sys/fs/cgroup/machine.slice';
/** Slices of slices: `system.slice/system-getty.slice`; deeper is what users have. */
const MAX_DEPTH = 2;
const MAX_SLICES = 200;

/**
 * A mark that changes when a unit of the guest is started or ends: each has a control group below its slice's, and the
 * slice's directory tells when one last came or went. Costs a few looks at directories that are in memory, where asking the
 * guest costs a process; fewest where it is still the earlier one. Null: there is no such place, and only asking helps.
 */
export function unitsMark(name: string, earlier: string | null = null, cgroups = CGROUPS): string | null {
  try {
    if (earlier?.split('\n').every(isAsBefore)) return earlier;
    return marksOf(`${cgroups}/${unitName(name)}/payload`, MAX_DEPTH, []).join('\n');
  } catch {
    return null;
  }
}

/** A slice that is new makes its parent's directory another one. */
function isAsBefore(mark: string): boolean {
  return markOf(mark.slice(mark.indexOf(' ') + 1)) === mark;
}

/** The kernel lets no name of a control group have a newline. */
function markOf(directory: string): string {
  const stats = statSync(directory, { throwIfNoEntry: false });
  return `${stats?.mtimeMs}:${stats?.nlink} ${directory}`;
}

function marksOf(directory: string, depth: number, marks: string[]): readonly string[] {
  marks.push(markOf(directory));
  if (depth === 0) return marks;
  for (const entry of readdirSync(directory)) {
    if (entry.endsWith('.slice') && marks.length < MAX_SLICES)
      marksOf(`${directory}/${entry}`, depth - 1, marks);
  }
  return marks;
}
