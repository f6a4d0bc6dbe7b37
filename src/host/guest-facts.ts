import { readFile } from 'node:fs/promises';
import { run } from './command.ts';
import { boundsOfGuest, type GuestBounds } from './guest-bounds.ts';
import type { GuestBus } from './guest-bus.ts';

/** A running guest, as somebody who wants to enter it has to know it. */
export interface Guest {
  readonly name: string;
  /** Its PID 1, seen from here. */
  readonly leader: number;
  /** Its PID 1 is systemd, by its own word: it only decides by which door one enters. */
  readonly hasSystemd: boolean;
  readonly bounds: GuestBounds;
}

/** Asks machined, so that it works also while nspawnd does not; null: no machine of this name runs. */
export async function findGuest(name: string, knownLeader: number | null): Promise<Guest | null> {
  const leader = (await leaderOf(name)) ?? knownLeader;
  if (leader === null) return null;
  const status = await readFile(`/proc/${leader}/status`, 'utf8').catch(() => null);
  const bounds = status === null ? null : await boundsOfGuest(leader, status);
  if (status === null || bounds === null) return null;
  return { name, leader, hasSystemd: /^Name:\tsystemd$/m.test(status), bounds };
}

/** The unit that machined has a running machine of this name in; null: none runs, or in no service. */
export async function findMachineUnit(name: string): Promise<string | null> {
  const { stdout, exitCode } = await run('machinectl', ['show', '--property=Unit', '--value', '--', name], {
    accept: [0, 1],
  });
  return exitCode === 0 && /^[\w@.:\\-]+\.service$/.test(stdout) ? stdout : null;
}

async function leaderOf(name: string): Promise<number | null> {
  const { stdout, exitCode } = await run('machinectl', ['show', '--property=Leader', '--value', '--', name], {
    accept: [0, 1],
  });
  return exitCode === 0 && /^[1-9]\d{0,9}$/.test(stdout) ? Number(stdout) : null;
}

/** Whether the guest's own systemd answers: says why a command could not be run in it. */
export async function doesSystemdAnswer({ speaking, descriptors }: GuestBus): Promise<boolean> {
  const [program = '', ...args] = [...speaking, 'systemctl', 'show', '--property=Version', '--value'];
  return run(program, args, { timeoutMs: ANSWER_TIMEOUT_MS, descriptors }).then(
    () => true,
    () => false,
  );
}

const ANSWER_TIMEOUT_MS = 5_000;
