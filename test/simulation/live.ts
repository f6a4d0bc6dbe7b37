import { printHost } from '../model/print.ts';
import { Random } from '../model/random.ts';
import { check, checkAtRest } from './at-rest.ts';
import { DEEDS, removeStranger } from './deeds.ts';
import { candidates, EXAMS } from './exams.ts';
import type { Life } from './life.ts';
import { PROBE_DEEDS } from './probe-deeds.ts';
import { PROBE_EXAMS } from './probe-exams.ts';
import { Simulation } from './simulation.ts';
import { DOOM } from './specs.ts';
import { addStrangers, checkStrangers, printStrangers, removeStrangers } from './strangers.ts';
import { Violation } from './violation.ts';

/** How a life ended. */
export interface Outcome {
  /** Null: all was well. */
  readonly violation: Violation | null;
  /** What happened, where it was to be told. */
  readonly story: readonly string[];
  /** How much time passed in it. */
  readonly lastedMs: number;
  readonly steps: number;
  /** Questions and orders to the host. */
  readonly calls: number;
}

/**
 * Lives it: what happens, happens; then everything is left alone and has to come to rest, as the manifests say; then it is
 * tried; then all manifests go, and nothing of ours is left.
 */
export async function live(life: Life, isTold = false): Promise<Outcome> {
  const sim = new Simulation(life, isTold);
  const outcome = (violation: Violation | null): Outcome => ({
    violation,
    story: [...(sim.story ?? []), ...(violation === null || !isTold ? [] : ['', printHost(sim.host)])],
    lastedMs: sim.clock.nowMs,
    calls: sim.ports.reduce((sum, { calls }) => sum + calls, 0),
    steps: sim.ports.reduce((sum, { trace }) => sum + trace.length, 0),
  });
  sim.install();
  try {
    await liveIn(sim);
    return outcome(null);
  } catch (error) {
    return outcome(
      error instanceof Violation
        ? error
        : new Violation('no error of the rig', String((error as Error).stack)),
    );
  } finally {
    sim.dispose();
  }
}

async function liveIn(sim: Simulation): Promise<void> {
  const { life, host } = sim;
  if (life.tuning.hasForeign) addStrangers(host);
  const strangers = printStrangers(host);
  host.doomed.add(DOOM);
  sim.startNspawnd();
  for (const { atMs, what, name, roll } of life.deeds)
    sim.after(atMs, () => {
      sim.tell(`${what} (${name})`);
      (DEEDS[what] ?? PROBE_DEEDS[what])?.happens(sim, name, new Random(roll));
    });
  await sim.runOut();
  await sim.run(5000);

  await calmDown(sim);
  await sim.settle();
  await checkAtRest(sim);

  const random = new Random(life.seed ^ 0xe8a3);
  const exams = life.tuning.hasProbes ? { ...EXAMS, ...PROBE_EXAMS } : EXAMS;
  for (let left = life.exams; left > 0; left--) {
    const able = await candidates(sim);
    if (able.length === 0) break;
    const name = random.pick(able);
    const exam = random.pick(Object.keys(exams));
    sim.tell(`tried: ${exam} (${name})`);
    await exams[exam]?.(sim, name, random);
    await checkAtRest(sim);
  }

  sim.tell('every manifest goes');
  if (life.tuning.hasForeign) checkStrangers(host, strangers);
  for (const name of life.names) sim.folder.remove(name);
  await sim.settle();
  await confirmHeld(sim);
  await checkAtRest(sim);
  if (life.tuning.hasForeign) checkStrangers(host, strangers);
  removeStrangers(host);
  const left = printHost(host).replaceAll(/^interface eth\d on the host\n/gm, '');
  check(left === '', 'no orphan', left);
}

/** Most of everything at once is held until a person says so. */
async function confirmHeld(sim: Simulation): Promise<void> {
  const held = sim.controller?.source().held ?? null;
  if (held === null) return;
  check(held.names.length > 3 || sim.hadSweep, 'guards', `held: ${held.names.join(', ')}`);
  await Promise.all([sim.controller?.confirmPrune(held.hash), sim.run(10_000)]);
  await sim.settle();
}

/** Whatever was in the way is no longer. */
async function calmDown(sim: Simulation): Promise<void> {
  const { host } = sim;
  sim.tell('calm');
  sim.isCalm = true;
  sim.port.killAt = null;
  sim.faults = 0;
  host.leaksRegistrations = false;
  host.isMachinedAway = false;
  host.hanging.clear();
  host.doomed.clear();
  host.probes.calmDown();
  host.deaf.clear();
  host.roots.clear();
  host.guestLimit = null;
  host.nix.buildFailure = null;
  host.nix.paths.clear();
  host.disturbances++;
  for (const unit of host.units.values()) unit.isMasked = false;
  for (const name of sim.life.names) removeStranger(sim, name);
  sim.folder.setHealthy(true);
  await sim.run(10_000);
  for (const name of host.suspensions.keys()) await sim.port.putSuspension(name, null);
}
