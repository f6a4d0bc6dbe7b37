import { nameOfUnit, unitName } from '../api/container.ts';
import { NspawndError } from '../errors.ts';
import { isTemplate } from '../planning/adopted.ts';
import type { UnitFacts } from '../planning/observed.ts';
import { type Bus, type BusSignal, type BusTarget, escapeLabel, unlessBusError } from './bus.ts';
import { WallClock } from './wall-clock.ts';

/** org.freedesktop.systemd1: org.freedesktop.systemd1(5). */
const MANAGER: BusTarget = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
};
const UNIT_INTERFACE = 'org.freedesktop.systemd1.Unit';
const SERVICE_INTERFACE = 'org.freedesktop.systemd1.Service';

const RELOAD_TIMEOUT_MS = 90_000;
/** A daemon-reload serialises the whole manager: never more than one in this time, whoever asks. */
const RELOAD_INTERVAL_MS = 1000;
const SIGTERM = 15;
const SIGKILL = 9;

/** The rules under which units and jobs are announced; one each, not one per unit. */
export const SYSTEMD_MATCHES = [
  `type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'`,
  `type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='Reloading'`,
  `type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='${UNIT_INTERFACE}'`,
];

export class Systemd {
  readonly #bus: Bus;
  readonly #clock = new WallClock();
  #reload: Promise<void> | null = null;
  #reloadedAt = Number.NEGATIVE_INFINITY;
  readonly #canceledAt = new Map<string, number>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Signals of units are only sent to those who asked. */
  static async subscribe(bus: Bus): Promise<void> {
    await bus.call(MANAGER, 'Subscribe');
  }

  async version(): Promise<number> {
    return Number.parseInt(String(await this.#bus.get(MANAGER, 'Version')), 10);
  }

  async systemState(): Promise<string> {
    return String(await this.#bus.get(MANAGER, 'SystemState'));
  }

  /**
   * Reads the unit. A unit that is not loaded is loaded for every question and unloaded after it, which systemd announces
   * each time: so it is asked once for all properties.
   */
  unit(name: string): Promise<UnitFacts> {
    return this.unitNamed(unitName(name));
  }

  /** The same of a unit that is no container. */
  async unitNamed(unit: string): Promise<UnitFacts> {
    const path = unitPath(unit);
    const properties = { ...MANAGER, path, interface: 'org.freedesktop.DBus.Properties' };
    const service = { ...MANAGER, path, interface: SERVICE_INTERFACE };
    const [all] = await this.#bus.call(properties, 'GetAll', 's', [UNIT_INTERFACE]);
    const value = (property: string) => (all as Record<string, { readonly value: unknown }>)[property]?.value;
    const activeState = String(value('ActiveState')) as UnitFacts['activeState'];
    // Every question counts: this is asked at each look at each container.
    const [result, mainPid] = await Promise.all([
      activeState === 'failed' ? this.#bus.get(service, 'Result') : 'success',
      activeState === 'inactive' ? 0 : this.#bus.get(service, 'MainPID'),
    ]);
    const at = (property: string) => this.#clock.at(BigInt(value(`${property}Monotonic`) as bigint));
    const startedAt = at('InactiveExitTimestamp');
    const activeAt = at('ActiveEnterTimestamp');
    return {
      loadState: String(value('LoadState')) as UnitFacts['loadState'],
      activeState,
      subState: String(value('SubState')),
      result: String(result),
      mainPid: Number(mainPid),
      fragmentPath: String(value('FragmentPath')),
      dropInPaths: (value('DropInPaths') ?? []) as string[],
      needsDaemonReload: value('NeedDaemonReload') === true,
      hasJob: (value('Job') as readonly [number, string] | undefined)?.[0] !== 0,
      invocationId: Buffer.from(value('InvocationID') as Uint8Array).toString('hex'),
      startedAt,
      activeAt: activeAt !== null && activeAt >= (startedAt ?? 0) ? activeAt : null,
      stateChangedAt: at('StateChangeTimestamp'),
      jobCanceledAt: this.#canceledAt.get(nameOfUnit(unit) ?? '') ?? null,
    };
  }

  /** systemd says only once, and only to those who listen, that a job was taken back. */
  noteSignal(signal: BusSignal): void {
    const name = signal.member === 'JobRemoved' ? nameOfUnit(String(signal.body[2])) : null;
    if (name !== null && signal.body[3] === 'canceled') this.#canceledAt.set(name, Date.now());
  }

  /** How each loaded `container@` unit is, by name: load, active and sub state, and its job. */
  async containerUnits(): Promise<ReadonlyMap<string, string>> {
    const [units] = await this.#bus.call(MANAGER, 'ListUnitsByPatterns', 'asas', [
      [],
      ['container@*.service'],
    ]);
    const named = (units as unknown[][]).map(
      unit => [nameOfUnit(String(unit[0])), [unit[2], unit[3], unit[4], unit[7]].join(' ')] as const,
    );
    return new Map(named.flatMap(([name, how]) => (name === null ? [] : [[name, how] as const])));
  }

  /** Names of the `container@` units that run, start, stop or are about to start. */
  runningContainers(): Promise<readonly string[]> {
    return this.#containers((state, job) => (state !== 'inactive' && state !== 'failed') || job === 'start');
  }

  /** Only those that are starting, or about to. */
  bootingContainers(): Promise<readonly string[]> {
    return this.#containers((state, job) => state === 'activating' || job === 'start');
  }

  async #containers(isMeant: (state: unknown, job: unknown) => boolean): Promise<readonly string[]> {
    const [units] = await this.#bus.call(MANAGER, 'ListUnitsByPatterns', 'asas', [
      [],
      ['container@*.service'],
    ]);
    return (units as unknown[][])
      .filter(unit => isMeant(unit[3], unit[8]))
      .map(([unit]) => nameOfUnit(String(unit)))
      .filter(name => name !== null);
  }

  /**
   * Asks for the start and does not wait for it. Before that, what systemd holds of the unit must be what we wrote: a
   * unit that somebody's After= keeps loaded is still the old one.
   */
  start(name: string, expectedFragment: string): Promise<void> {
    return this.startNamed(unitName(name), expectedFragment);
  }

  async startNamed(unit: string, expectedFragment: string): Promise<void> {
    // Or it is loaded for the question, unloaded, and loaded for its start, and each time that is announced of a dozen others.
    await this.#bus.call(MANAGER, 'RefUnit', 's', [unit]);
    try {
      await this.#startLoaded(unit, expectedFragment);
    } finally {
      // With the connection it is gone, too.
      await this.#bus.call(MANAGER, 'UnrefUnit', 's', [unit]).catch(() => undefined);
    }
  }

  async #startLoaded(unitToStart: string, expectedFragment: string): Promise<void> {
    let unit = await this.unitNamed(unitToStart);
    // A unit that was loaded from a template does not see by itself that there is one of its own name now.
    if (unit.needsDaemonReload || isTemplate(unit)) {
      await this.reload();
      unit = await this.unitNamed(unitToStart);
    }
    if (unit.loadState === 'bad-setting' || unit.loadState === 'error') {
      throw new NspawndError(
        'UnitInvalid',
        `systemd refuses ${expectedFragment} (${unit.loadState}); see: systemctl status ${unitToStart}`,
      );
    }
    if (unit.fragmentPath !== expectedFragment) {
      const found =
        unit.loadState === 'masked' ? 'is masked' : `is taken from ${unit.fragmentPath || 'nowhere'}`;
      throw new NspawndError('UnitShadowed', `${unitToStart} ${found}, not from ${expectedFragment}`);
    }
    await this.#bus.call(MANAGER, 'StartUnit', 'ss', [unitToStart, 'replace']);
  }

  stop(name: string): Promise<void> {
    return this.stopNamed(unitName(name));
  }

  async stopNamed(unit: string): Promise<void> {
    await unlessBusError(NO_SUCH_UNIT, undefined, async () => {
      await this.#bus.call(MANAGER, 'StopUnit', 'ss', [unit, 'replace']);
    });
  }

  /** How a unit that is not ours is. */
  async activeState(unit: string): Promise<UnitFacts['activeState']> {
    const target = { ...MANAGER, path: unitPath(unit), interface: UNIT_INTERFACE };
    return String(await this.#bus.get(target, 'ActiveState')) as UnitFacts['activeState'];
  }

  /** A second SIGTERM makes nspawn end its guest at once; systemd-nspawn(1). */
  async terminateMain(name: string): Promise<void> {
    await this.#signalMain(name, SIGTERM);
  }

  /** The guest's init dies with its nspawn (PR_SET_PDEATHSIG), and with it everything in the guest. */
  async killMain(name: string): Promise<void> {
    await this.#signalMain(name, SIGKILL);
  }

  resetFailed(name: string): Promise<void> {
    return this.resetFailedNamed(unitName(name));
  }

  async resetFailedNamed(unit: string): Promise<void> {
    await unlessBusError(NO_SUCH_UNIT, undefined, async () => {
      await this.#bus.call(MANAGER, 'ResetFailedUnit', 's', [unit]);
    });
  }

  async restartMachined(): Promise<void> {
    await this.#bus.call(MANAGER, 'RestartUnit', 'ss', ['systemd-machined.service', 'replace']);
  }

  /** daemon-reload, shared by all who ask while one runs or is due. */
  reload(): Promise<void> {
    this.#reload ??= this.#reloadSoon().finally(() => {
      this.#reload = null;
    });
    return this.#reload;
  }

  async #signalMain(name: string, signal: number): Promise<void> {
    await unlessBusError([...NO_SUCH_UNIT, 'org.freedesktop.systemd1.NoSuchProcess'], undefined, async () => {
      await this.#bus.call(MANAGER, 'KillUnit', 'ssi', [unitName(name), 'main', signal]);
    });
  }

  async #reloadSoon(): Promise<void> {
    const waitMs = this.#reloadedAt + RELOAD_INTERVAL_MS - performance.now();
    if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs));
    await this.#bus.call(MANAGER, 'Reload', '', [], RELOAD_TIMEOUT_MS);
    this.#reloadedAt = performance.now();
  }
}

const NO_SUCH_UNIT = ['org.freedesktop.systemd1.NoSuchUnit'];

function unitPath(unit: string): string {
  return `/org/freedesktop/systemd1/unit/${escapeLabel(unit)}`;
}
