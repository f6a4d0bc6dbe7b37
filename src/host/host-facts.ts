import { readFile } from 'node:fs/promises';
import { NspawndError } from '../errors.ts';
import type { GuestCapacity, HostFacts } from '../planning/observed.ts';
import type { Bus } from './bus.ts';
import { run } from './command.ts';
import { exists } from './files.ts';
import { guestLimit, inotifyInstances, raiseInotifyLimit } from './inotify-limit.ts';
import type { Systemd } from './systemd.ts';

/** Where distributions keep systemd-nspawn. */
const NSPAWN_PATHS = [
  '/usr/bin/systemd-nspawn',
  '/run/current-system/sw/bin/systemd-nspawn',
  '/bin/systemd-nspawn',
];

export const LOGIND_MATCHES = [
  `type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'`,
];

const MOMENT_MS = 20;

/** What is the same for every container: read once at start where it cannot change, afresh where it can. */
export class HostFactsReader {
  readonly #systemd: Systemd;
  #fixed: Pick<HostFacts, 'bootId' | 'nspawnPath' | 'systemdVersion' | 'machineId'> | null = null;
  #isShutdownAnnounced = false;
  #moment: { readonly at: number; readonly facts: Promise<HostFacts> } | null = null;

  constructor(bus: Bus, systemd: Systemd) {
    this.#systemd = systemd;
    bus.onSignal(signal => {
      if (signal.member === 'PrepareForShutdown') this.#isShutdownAnnounced = signal.body[0] === true;
    });
  }

  async start(): Promise<void> {
    const [bootId, machineId, systemdVersion, nspawnPath] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile('/etc/machine-id', 'utf8'),
      this.#systemd.version(),
      findNspawn(),
      raiseInotifyLimit(),
    ]);
    this.#fixed = { bootId: bootId.trim(), machineId: machineId.trim(), systemdVersion, nspawnPath };
  }

  /** Asked once for all that are looked at in the same moment. */
  read(runningGuests: () => Promise<number>): Promise<HostFacts> {
    const now = performance.now();
    if (this.#moment === null || now - this.#moment.at > MOMENT_MS)
      this.#moment = { at: now, facts: this.#read(runningGuests) };
    return this.#moment.facts;
  }

  async #read(runningGuests: () => Promise<number>): Promise<HostFacts> {
    if (this.#fixed === null) throw new TypeError('read before start');
    const [systemState, guestCapacity] = await Promise.all([
      this.#systemd.systemState(),
      this.guestCapacity(runningGuests),
    ]);
    return {
      ...this.#fixed,
      isStopping: this.#isShutdownAnnounced || systemState === 'stopping',
      guestCapacity,
    };
  }

  async guestCapacity(runningGuests: () => Promise<number>): Promise<GuestCapacity | null> {
    const instances = await inotifyInstances();
    const limit = guestLimit(instances);
    return limit === null ? null : { limit, running: await runningGuests(), inotifyInstances: instances };
  }

  async isStopping(): Promise<boolean> {
    return this.#isShutdownAnnounced || (await this.#systemd.systemState()) === 'stopping';
  }
}

async function findNspawn(): Promise<string> {
  for (const path of NSPAWN_PATHS) if (await exists(path)) return path;
  const { stdout } = await run('which', ['systemd-nspawn'], { accept: [0, 1] });
  if (stdout !== '') return stdout;
  throw new NspawndError(
    'CommandMissing',
    'systemd-nspawn is not installed; on Debian: apt install systemd-container',
  );
}
