import type { GateFacts, Observed } from './observed.ts';
import type { Waiting } from './plan.ts';

/** What keeps a container that is to run from being launched now, although nothing is wrong with it; null: nothing. */
export function heldBack(observed: Observed): Waiting | null {
  const { gate, machinedFault, now } = observed;
  if (machinedFault !== null) return waitForMachined(machinedFault, now);
  return waitForOthers(gate) ?? waitForCapacity(observed) ?? waitForTurn(gate);
}

/** Whoever is woken for it: the other, as soon as it is Ready. */
function waitForOthers(gate: GateFacts | undefined): Waiting | null {
  const [first, ...more] = gate?.notReady ?? [];
  if (first === undefined) return null;
  const message =
    more.length === 0
      ? `waits until ${first.name} is Ready: ${first.because}`
      : `waits until all of these are Ready:${[first, ...more].map(({ name, because }) => `\n  ${name}: ${because}`).join('')}`;
  return { reason: 'DependencyNotReady', message, until: null };
}

/** nspawn registers its guest there, waits long for an answer, and on most versions of systemd ends without one. */
export function waitForMachined(fault: string, now: number): Waiting {
  return { reason: 'MachinedUnavailable', message: machinedMessage(fault), until: now + MACHINED_RECHECK_MS };
}

const MACHINED_RECHECK_MS = 10_000;

export function machinedMessage(fault: string): string {
  return `systemd-machined does not answer: nothing is started, and machinectl finds no guest; see why: systemctl status systemd-machined (${fault})`;
}

/** The kernel's inotify limit: a guest beyond it would hang for its whole start timeout and nothing would say why. */
function waitForCapacity({ host }: Observed): Waiting | null {
  const capacity = host.guestCapacity;
  if (capacity === null || capacity.running < capacity.limit) return null;
  return {
    reason: 'InotifyInstances',
    message:
      `fs.inotify.max_user_instances is ${capacity.inotifyInstances}, enough for about ${capacity.limit} guests, and ` +
      `${capacity.running} run; raise it: sysctl -w fs.inotify.max_user_instances=8192`,
    until: null,
  };
}

/** Too many booting at once take each other's time; the wake-up comes with the turn. */
function waitForTurn(gate: GateFacts | undefined): Waiting | null {
  const ahead = gate?.ahead ?? 0;
  if (ahead === 0) return null;
  const message = `its turn to boot comes after ${ahead} other${ahead === 1 ? '' : 's'}`;
  return { reason: 'BootSlot', message, until: null };
}
