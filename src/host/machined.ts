import { unitName } from '../api/container.ts';
import { isErrorCode, messageOf, NspawndError } from '../errors.ts';
import type { MachineFacts, UnitFacts } from '../planning/observed.ts';
import {
  type Bus,
  BusCallError,
  type BusSignal,
  type BusTarget,
  escapeLabel,
  unlessBusError,
} from './bus.ts';
import { readFileIfExists, removeFile } from './files.ts';
import { type MachinedAnswer, registerMachine, withUnregistered } from './machine-registration.ts';
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

/** Why it did not answer: it was killed while it was asked, and whoever asks next has it started. */
const DIED = 'org.freedesktop.DBus.Error.NoReply';

/** It answers within milliseconds, or is being started, or is in trouble. */
const ANSWER_TIMEOUT_MS = 2000;
/** One that does not answer is not asked again before, unless it is heard of. */
const AWAY_MS = 10_000;

const NO_SUCH_PROCESS = 'org.freedesktop.DBus.Error.UnixProcessIdUnknown';
/** signal(7): where glibc has it. */
const SIGRTMIN = 34;

export const MACHINED_MATCHES = [
  `type='signal',sender='org.freedesktop.machine1',interface='org.freedesktop.machine1.Manager'`,
  `type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${MANAGER.destination}'`,
];

export class Machined {
  readonly #bus: Bus;
  readonly #systemd: Systemd;
  /** Ids of the machines looked at last, only for telling people that two are the same. */
  readonly #ids = new Map<string, string>();
  #away: { readonly fault: string; readonly until: number } | null = null;

  constructor(bus: Bus, systemd: Systemd) {
    this.#bus = bus;
    this.#systemd = systemd;
  }

  /** What is known of the machine, soon: containers are looked after without machined, too. */
  async look(name: string, asksUnit: Promise<UnitFacts>): Promise<MachinedAnswer> {
    const [answer, unit] = await Promise.all([this.#ask(name), asksUnit]);
    return withUnregistered(name, unit, answer, () => this.#ask(name));
  }

  async #ask(name: string): Promise<MachinedAnswer> {
    const away = this.#away;
    if (away !== null && performance.now() < away.until) return { machine: null, machinedFault: away.fault };
    try {
      const machine = await this.machine(name).catch(error => {
        if (error instanceof BusCallError && error.busName === DIED) return this.machine(name);
        throw error;
      });
      this.#away = null;
      return { machine, machinedFault: null };
    } catch (error) {
      if (!isErrorCode(error, 'BusTimeout') && !isErrorCode(error, 'BusError')) throw error;
      const fault = messageOf(error);
      this.#away = { fault, until: performance.now() + AWAY_MS };
      return { machine: null, machinedFault: fault };
    }
  }

  /** True of the news that it is there again after it did not answer. */
  isBack({ interface: from, member, body }: BusSignal): boolean {
    const isThere = from === 'org.freedesktop.DBus' && member === 'NameOwnerChanged' && body[2] !== '';
    if (!isThere || this.#away === null) return false;
    this.#away = null;
    return true;
  }

  async machine(name: string): Promise<MachineFacts | null> {
    const facts = await unlessBusError<Omit<MachineFacts, 'sharesIdWith'> | null>(
      NO_SUCH_MACHINE,
      null,
      async () => {
        const path = `${MACHINE_PATH_PREFIX}${escapeLabel(name)}`;
        const properties = { ...MANAGER, path, interface: 'org.freedesktop.DBus.Properties' };
        const asked = [MACHINE_INTERFACE];
        const [all] = await this.#bus.call(properties, 'GetAll', 's', asked, ANSWER_TIMEOUT_MS);
        const value = (property: string) =>
          (all as Record<string, { readonly value: unknown }>)[property]?.value;
        const [leader, state, root, unit, id] = PROPERTIES.map(value);
        return {
          isRegistered: true,
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

  async register(name: string): Promise<void> {
    const { mainPid } = await this.#systemd.unit(name);
    try {
      await registerMachine(name, mainPid);
    } catch (error) {
      const machine = await this.machine(name);
      if (machine?.unit === unitName(name)) return;
      throw new NspawndError(
        'MachineUnregistered',
        `machinectl does not find this guest: systemd-machined does not take it: ${messageOf(error)}`,
        { cause: error },
      );
    }
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
