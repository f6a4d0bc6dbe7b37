import type { Plan } from '../../src/planning/plan.ts';
import { HOST_NAMESPACE } from '../model/model-host.ts';
import type { Random } from '../model/random.ts';
import { check } from './at-rest.ts';
import type { Simulation } from './simulation.ts';
import { editedHard, editedLive, launchedWith, specOf } from './specs.ts';
import { sweepAtRest } from './sweep.ts';

/**
 * What is tried with a host at rest, where it is certain what has to follow: the rows of the restart table, edits, and
 * that nspawnd itself may come and go. Each ends at rest again.
 */
export type Exams = Readonly<
  Record<string, (sim: Simulation, name: string, random: Random) => Promise<void>>
>;

export const EXAMS: Exams = {
  'a guest that panics': (sim, name) =>
    ends(
      sim,
      name,
      () => sim.host.guestPanics(name),
      policy => policy !== 'Never',
      true,
    ),
  'a guest that powers off': (sim, name) =>
    ends(
      sim,
      name,
      () => sim.host.guestPowersOff(name),
      policy => policy === 'Always',
    ),
  'a guest that reboots': (sim, name) => {
    const recent = sim.host.histories.get(name)?.recentReboots.length ?? 0;
    return ends(
      sim,
      name,
      () => sim.host.guestReboots(name),
      policy => recent < 5 || policy !== 'Never',
      true,
    );
  },
  'systemctl stop': (sim, name) =>
    ends(
      sim,
      name,
      () => sim.host.systemctlStop(name),
      () => false,
    ),
  'nspawnctl stop, and an edit': async (sim, name, random) => {
    const isAuto = specInForce(sim, name)?.autoStart ?? true;
    await ends(
      sim,
      name,
      () => request(sim, name, 'stop'),
      () => false,
    );
    sim.killNspawnd();
    await sim.settle();
    check(!isRunning(sim, name), 'restart table', `${name} is up again: nspawnd forgot that it was stopped`);
    const { written } = manifestOf(sim, name);
    sim.folder.put(name, editedLive(written, random));
    await sim.settle();
    check(isRunning(sim, name) === isAuto, 'restart table', `${name} was edited, autoStart is ${isAuto}`);
  },
  'nspawnctl restart': async (sim, name) => {
    const before = sim.host.unit(name).invocationId;
    request(sim, name, 'restart');
    await sim.settle();
    check(isRunning(sim, name), 'restart', `${name} is down`);
    check(sim.host.unit(name).invocationId !== before, 'restart', `${name} was not restarted`);
  },
  'an edit that takes no restart': async (sim, name, random) => {
    const before = sim.host.unit(name).invocationId;
    sim.folder.put(name, editedLive(manifestOf(sim, name).written, random));
    await sim.settle();
    check(sim.host.unit(name).invocationId === before, 'edit', `${name} was restarted`);
    check(isRunning(sim, name), 'edit', `${name} is down`);
  },
  'an edit that takes one': async (sim, name, random) => {
    const before = sim.host.unit(name).invocationId;
    sim.folder.put(name, editedHard(manifestOf(sim, name).written, random));
    await sim.settle();
    check(isRunning(sim, name), 'edit', `${name} is down`);
    check(sim.host.unit(name).invocationId !== before, 'edit', `${name} was not restarted`);
  },
  'nspawnd comes and goes': async sim => {
    const before = invocations(sim);
    sim.killNspawnd();
    await sim.run(50);
    sim.killNspawnd();
    await sim.settle();
    // A FIFO that nobody holds open any more is made anew, guests are asked again, and some failures may be old enough by now.
    // Of a name whose deletion is held nobody knows at first whether it is one.
    const isHeld = sim.folder.names().some(other => {
      const desired = sim.folder.desired(other);
      return desired.state === 'present' && desired.heldBecause !== undefined;
    });
    const excused = isHeld
      ? /Fifo$|probe$|resetHistory$|HostsFile$|GuestHosts$/
      : /Fifo$|probe$|resetHistory$/;
    const done = sim.port.trace.filter(line => !excused.test(line));
    check(done.length === 0, 'adoption', `it did ${done.join(', ')}`);
    check(before === invocations(sim), 'adoption', 'a container was disturbed');
  },
  'everything goes, as is confirmed': (sim, _name, random) => sweepAtRest(sim, random),
  'the host boots': async sim => {
    sim.isDown = true;
    sim.killNspawnd();
    sim.host.bootAgain();
    sim.watcher.booted();
    sim.clock.after(2000, () => {
      sim.isDown = false;
      sim.startNspawnd();
    });
    await sim.settle();
    const isHindered = ({ stalled, waitingFor }: Plan) => stalled !== null || waitingFor !== null;
    const stalled = new Set((await sim.plans()).filter(isHindered).map(({ key }) => key));
    for (const name of sim.life.names) {
      const spec = specInForce(sim, name);
      if (spec === null || stalled.has(name)) continue;
      check(isRunning(sim, name) === spec.autoStart, 'boot', `${name}: autoStart is ${spec.autoStart}`);
    }
  },
};

/** Which exams a container can take: it runs, and nothing would be in the way of another start. */
export async function candidates(sim: Simulation): Promise<readonly string[]> {
  const plans = await sim.plans();
  return sim.life.names.filter(
    name =>
      isRunning(sim, name) &&
      sim.folder.desired(name).state === 'present' &&
      // One whose deletion is only held goes when the exam mends the file that was in its way.
      dependsOf(sim, name).every(other => sim.isReady(other) && sim.folder.isMeant(other)) &&
      hasItsInterfaces(sim, name) &&
      plans.every(({ key, stalled }) => key !== name || stalled === null),
  );
}

export async function ends(
  sim: Simulation,
  name: string,
  end: () => void,
  comesBack: (policy: string) => boolean,
  isFailure = false,
): Promise<void> {
  const { restartPolicy } = manifestOf(sim, name).spec;
  const fallback = isFailure && !comesBack(restartPolicy) ? fallbackOf(sim, name) : null;
  end();
  await sim.settle();
  if (fallback !== null) return checkRolledBack(sim, name, fallback);
  const isWanted = comesBack(restartPolicy);
  check(
    isRunning(sim, name) === isWanted,
    'restart table',
    `${name} (${restartPolicy}) ${isWanted ? 'did not come back' : 'came back'}`,
  );
}

/**
 * The spec that comes back when the one in force, of which nobody knows yet whether it works, fails for good. A guest that
 * still runs an older one says nothing of it.
 */
function fallbackOf(sim: Simulation, name: string): string | null {
  const desired = sim.folder.desired(name);
  if (desired.state !== 'present' || desired.rollout === undefined) return null;
  const { isProven, fallback, stuckBecause } = desired.rollout;
  const started = specOf(sim.host.unit(name).run?.text ?? '');
  const runsIt = started !== null && launchedWith(started) === launchedWith(desired.manifest.written);
  const isOnTrial = runsIt && !isProven && stuckBecause === null && desired.manifest.spec.rollback;
  return isOnTrial ? (fallback?.specHash ?? null) : null;
}

/** Whatever the spec that came back says of restarts, it runs, where it can. */
function checkRolledBack(sim: Simulation, name: string, fallback: string): void {
  check(manifestOf(sim, name).specHash === fallback, 'rollback', `${name} failed and has kept its spec`);
  const isAble = hasItsInterfaces(sim, name) && dependsOf(sim, name).every(other => sim.isReady(other));
  if (isAble) check(isRunning(sim, name), 'rollback', `${name} failed, and the spec before does not run`);
}

/** They are on the host, or it has them itself. */
function hasItsInterfaces(sim: Simulation, name: string): boolean {
  const { macvlans = [], interfaces = [] } = specInForce(sim, name) ?? {};
  const { host } = sim;
  const isOnHost = (wanted: string) => host.interfaces.get(wanted) === HOST_NAMESPACE;
  const isLent = (wanted: string) =>
    host.interfaces.has(wanted) && host.lent.get(name)?.includes(wanted) === true;
  return macvlans.every(isOnHost) && interfaces.every(wanted => isOnHost(wanted) || isLent(wanted));
}

function dependsOf(sim: Simulation, name: string): readonly string[] {
  return specInForce(sim, name)?.dependsOn ?? [];
}

function request(sim: Simulation, name: string, verb: 'stop' | 'restart'): void {
  void sim.controller?.request(name, verb);
}

function isRunning(sim: Simulation, name: string): boolean {
  return sim.host.unit(name).activeState === 'active';
}

function invocations(sim: Simulation): string {
  return sim.life.names.map(name => sim.host.unit(name).invocationId).join(' ');
}

function specInForce(sim: Simulation, name: string) {
  const desired = sim.folder.desired(name);
  return desired.state === 'present' ? desired.manifest.spec : null;
}

export function manifestOf(sim: Simulation, name: string) {
  const desired = sim.folder.desired(name);
  if (desired.state !== 'present') throw new Error(`${name} is ${desired.state}`);
  return desired.manifest;
}
