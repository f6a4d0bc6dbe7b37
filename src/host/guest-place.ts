import { readFile } from 'node:fs/promises';

/** A running guest as one who enters it has to know it: all from its nspawn, so that it holds also while machined does not answer. */
export interface GuestPlace {
  /** Its PID 1, seen from here. */
  readonly leader: number;
  /** The control group of its unit, a directory; the guest's own is below, and it can reach no other. */
  readonly group: string;
}

const CGROUPS = '/sys/fs/cgroup';

/** Null: no guest of this name runs in the nspawn of this pid (any more). */
export async function placeOfGuest(name: string, mainPid: number): Promise<GuestPlace | null> {
  try {
    const [groups, children] = await Promise.all([
      readFile(`/proc/${mainPid}/cgroup`, 'utf8'),
      readFile(`/proc/${mainPid}/task/${mainPid}/children`, 'utf8'),
    ]);
    const group = unitGroup(groups, name);
    const leader = Number(children.trim().split(' ')[0]);
    if (group === null || !(leader > 0)) return null;
    const status = await readFile(`/proc/${leader}/status`, 'utf8');
    return isFirstOfItsKind(status) && !hasEnded(status) ? { leader, group: `${CGROUPS}${group}` } : null;
  } catch {
    return null;
  }
}

/** From cgroups(7), `/proc/PID/cgroup`: the part up to the unit `container@NAME.service`. */
export function unitGroup(groups: string, name: string): string | null {
  const path = /^0::(\/.*)$/m.exec(groups)?.[1] ?? '';
  const parts = path.split('/');
  const at = parts.findIndex(part => part.replace('\\x40', '@') === `container@${name}.service`);
  return at < 0 || parts.includes('..') ? null : parts.slice(0, at + 1).join('/');
}

/** PID 1 of its own namespace; proc_pid_status(5), NSpid. */
function isFirstOfItsKind(status: string): boolean {
  return /^NSpid:.*\s1$/m.test(status);
}

/** Its nspawn has not heard of it yet. */
function hasEnded(status: string): boolean {
  return /^State:\s+[ZX]/m.test(status);
}
