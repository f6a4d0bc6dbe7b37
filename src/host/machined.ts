import { unitName } from '../api/container.ts';
import type { MachineFacts } from '../planning/observed.ts';
import { type Bus, type BusSignal, type BusTarget, escapeLabel, unlessBusError } from './bus.ts';
import { readFileIfExists, removeFile } from './files.ts';
import { BOOT_MS, BURST_MS, type News } from './news.ts';
import type { Systemd } from './systemd.ts';

/** org.freedesktop.machine1: org.freedesktop.machine1(5). */
const MANAGER: BusTarget = {
  destination: 'org.freedesktop.machine1',
  path: '/org/freedesktop/machine1',
  interface: 'org.freedesktop.machine1.Manager',
};
const MACHINE_INTERFACE = 'org.freedesktop.machine1.Machine';
const MACHINE_PATH_PREFIX = '/org/freedesktop/machine1/machine/';
const PROPERTIES = ['Leader', 'State', 'RootDirectory', 'Unit', 'Id'] as const;
/** machined left between two of our calls, or the machine did. */
const NO_SUCH_MACHINE = [
  'org.freedesktop.machine1.NoSuchMachine',
  'org.freedesktop.DBus.Error.UnknownObject',
];

const NO_SUCH_PROCESS = 'org.freedesktop.DBus.Error.UnixProcessIdUnknown';
/** signal(7): where glibc has it. */
const SIGRTMIN = 34;

export const MACHINED_MATCHES = [
  `type='signal',sender='org.freedesktop.machine1',interface='org.freedesktop.machine1.Manager'`,
];

export class Machined {
  readonly #bus: Bus;
  readonly #systemd: Systemd;
  /** Ids of the machines looked at last, only for telling people that two are the same. */
  readonly #ids = new Map<string, string>();

  constructor(bus: Bus, systemd: Systemd) {
    this.#bus = bus;
    this.#systemd = systemd;
  }

  async machine(name: string): Promise<MachineFacts | null> {
    const facts = await unlessBusError<Omit<MachineFacts, 'sharesIdWith'> | null>(
      NO_SUCH_MACHINE,
      null,
      async () => {
        const path = `${MACHINE_PATH_PREFIX}${escapeLabel(name)}`;
        const properties = { ...MANAGER, path, interface: 'org.freedesktop.DBus.Properties' };
        const [all] = await this.#bus.call(properties, 'GetAll', 's', [MACHINE_INTERFACE]);
        const value = (property: string) =>
          (all as Record<string, { readonly value: unknown }>)[property]?.value;
        const [leader, state, root, unit, id] = PROPERTIES.map(value);
        return {
          leader: Number(leader),
          isLeaderAlive: await isAliveIn(Number(leader), name, String(unit)),
          state: String(state),
          root: String(root),
          unit: String(unit),
          id: Buffer.from(id as Uint8Array).toString('hex'),
        };
      },
    );
    if (facts === null) this.#ids.delete(name);
    else this.#ids.set(name, facts.id);
    return facts === null ? null : { ...facts, sharesIdWith: this.#namesWithId(name, facts.id) };
  }

  /** Asks the guest's init, by the signal that nspawn sends for us at a stop (`--kill-signal`), to power off. */
  async powerOff(name: string): Promise<void> {
    await unlessBusError([...NO_SUCH_MACHINE, NO_SUCH_PROCESS], undefined, async () => {
      await this.#bus.call(MANAGER, 'KillMachine', 'ssi', [name, 'leader', SIGRTMIN + 3]);
    });
  }

  /** Ends a registration whose leader is dead. Where machined does not let go, its own state is what is stale. */
  async terminateStale(name: string): Promise<void> {
    await unlessBusError(NO_SUCH_MACHINE, undefined, async () => {
      await this.#bus.call(MANAGER, 'TerminateMachine', 's', [name]);
    });
    const left = await this.machine(name);
    if (left === null || left.isLeaderAlive) return;
    await removeFile(`/run/systemd/machines/${name}`);
    await this.#systemd.restartMachined();
  }

  #namesWithId(name: string, id: string): readonly string[] {
    if (/^0*$/.test(id)) return [];
    return [...this.#ids]
      .filter(([other, otherId]) => other !== name && otherId === id)
      .map(([other]) => other);
  }
}

/** A guest has been registered, which is long before it is there, or its registration has ended. */
export function machineNews({ member, body }: BusSignal): News | undefined {
  if (member === 'MachineNew') return { name: String(body[0]), withinMs: BOOT_MS };
  return member === 'MachineRemoved' ? { name: String(body[0]), withinMs: BURST_MS } : undefined;
}

/** The process lives, and is in the unit it is registered with: a recycled pid is not our leader, nor is a zombie one. */
async function isAliveIn(pid: number, name: string, unit: string): Promise<boolean> {
  try {
    const [cgroup, stat] = await Promise.all([
      readFileIfExists(`/proc/${pid}/cgroup`),
      readFileIfExists(`/proc/${pid}/stat`),
    ]);
    if (cgroup === null || stat === null) return false;
    // proc_pid_stat(5): the name stands in parentheses and may hold any character, then comes the state.
    if (/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return false;
    return (
      unit !== unitName(name) || cgroup.includes(`/${unit}`) || cgroup.includes(unit.replace('@', '\\x40'))
    );
  } catch {
    return false;
  }
}
