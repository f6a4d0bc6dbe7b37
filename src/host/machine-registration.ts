import { readFile } from 'node:fs/promises';
import { unitName } from '../api/container.ts';
import type { MachineFacts, UnitFacts } from '../planning/observed.ts';
import { runState } from '../planning/run-state.ts';
import { run } from './command.ts';
import { placeOfGuest } from './guest-place.ts';

/** What machined says of one name, or why it says nothing. */
export interface MachinedAnswer {
  readonly machine: MachineFacts | null;
  readonly machinedFault: string | null;
}

/**
 * What machined says; of a guest of ours that runs without its knowledge, what its nspawn says. nspawn of systemd 262 goes on
 * when it cannot register its guest, and machined may lose one that it knew.
 */
export async function withUnregistered(
  name: string,
  unit: UnitFacts,
  answer: MachinedAnswer,
  askAgain: () => Promise<MachinedAnswer>,
): Promise<MachinedAnswer> {
  const isKnown = ({ machine }: MachinedAnswer) => machine?.unit === unitName(name);
  if (runState(unit) !== 'up' || unit.mainPid === 0 || isKnown(answer)) return answer;
  // It may have registered, and come up, between the two questions.
  const later = answer.machinedFault === null ? await askAgain() : answer;
  if (isKnown(later)) return later;
  const place = await placeOfGuest(name, unit.mainPid);
  if (place === null) return later;
  const machine: MachineFacts = {
    isRegistered: false,
    leader: place.leader,
    isLeaderAlive: true,
    state: 'running',
    root: '',
    unit: unitName(name),
    id: '',
    sharesIdWith: [],
  };
  return { ...later, machine };
}

/**
 * Registers a guest as its nspawn would have: org.freedesktop.machine1(5). Not over our own connection: machined of systemd
 * 262 takes who asks for the machine's supervisor, to which `machinectl terminate` sends a SIGTERM. It finds nobody there.
 */
export async function registerMachine(name: string, mainPid: number): Promise<void> {
  const place = await placeOfGuest(name, mainPid);
  // It has ended.
  if (place === null) return;
  const words = (await readFile(`/proc/${mainPid}/cmdline`, 'utf8')).split('\0');
  const option = (flag: string) => words.find(word => word.startsWith(flag))?.slice(flag.length) ?? '';
  const id = [...Buffer.from(option('--uuid=').replaceAll('-', ''), 'hex')].map(String);
  // Of an ephemeral guest that is not where it is.
  const root = words.includes('--ephemeral') ? '' : option('--directory=');
  await run('busctl', [
    ...['--timeout=5', 'call'],
    ...['org.freedesktop.machine1', '/org/freedesktop/machine1', 'org.freedesktop.machine1.Manager'],
    ...['RegisterMachine', 'sayssus', name, String(id.length), ...id],
    ...['systemd-nspawn', 'container', String(place.leader), root],
  ]);
}
