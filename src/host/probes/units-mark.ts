import { readdirSync, statSync } from 'node:fs';
import { unitName } from '../../api/container.ts';

const CGROUPS = '/sys/fs/cgroup/machine.slice';
/** Slices of slices: `system.slice/system-getty.slice`; deeper is what users have. */
const MAX_DEPTH = 2;
const MAX_SLICES = 200;

/**
 * A mark that changes when a unit of the guest is started or ends: each has a control group below its slice's, and the
 * slice's directory tells when one last came or went. Costs a few looks at directories that are in memory, where asking the
 * guest costs a process. Null: there is no such place, and only asking helps.
 */
export function unitsMark(name: string, cgroups = CGROUPS): string | null {
  try {
    return marksOf(`${cgroups}/${unitName(name)}/payload`, MAX_DEPTH, []).join(' ');
  } catch {
    return null;
  }
}

function marksOf(directory: string, depth: number, marks: string[]): readonly string[] {
  const { mtimeMs, nlink } = statSync(directory);
  marks.push(`${mtimeMs}:${nlink}`);
  if (depth === 0) return marks;
  for (const entry of readdirSync(directory)) {
    if (entry.endsWith('.slice') && marks.length < MAX_SLICES)
      marksOf(`${directory}/${entry}`, depth - 1, marks);
  }
  return marks;
}
