import { findCondition } from '../../src/api/condition.ts';
import { NIX_SOURCES } from '../../src/api/manifest.ts';
import { PROBE_KINDS } from '../../src/planning/probe-facts.ts';
import { check } from './at-rest.ts';
import { type Exams, ends, manifestOf } from './exams.ts';
import type { Simulation } from './simulation.ts';
import { launchedWith, specOf, withProbe } from './specs.ts';

/** What else is tried where guests are asked how they are. */
export const PROBE_EXAMS: Exams = {
  'a guest that no longer lives': async (sim, name) => {
    if (manifestOf(sim, name).spec.livenessProbe === undefined) return;
    await ends(
      sim,
      name,
      () => sim.host.probes.turnRun(name, ['liveness']),
      policy => policy !== 'Never',
      true,
    );
  },
  'an edit to what is answered badly': async (sim, name, random) => {
    const desired = sim.folder.desired(name);
    if (desired.state !== 'present' || desired.rollout?.isProven !== true || !runsWhatIsWritten(sim, name))
      return;
    const { written, spec, specHash } = desired.manifest;
    if (!spec.rollback || NIX_SOURCES.some(field => written[field] !== undefined)) return;
    const before = sim.host.unit(name).invocationId;
    const kind = random.pick(PROBE_KINDS);
    // A word of its own: what works otherwise may be called doomed, or have been tried before.
    const word = `nobody knows ${random.below(1_000_000)}`;
    const edited = withProbe(written, kind, random, word);
    sim.host.doomed.add(word);
    sim.folder.put(name, edited);
    await sim.settle();
    const isKept = manifestOf(sim, name).specHash !== specHash;
    // What runs has started, whatever anybody asks for afterwards.
    check(
      isKept === (kind === 'startup'),
      'rollback',
      `${name}: its ${kind}Probe is ${isKept ? '' : 'not '}kept`,
    );
    check(sim.isReady(name), 'rollback', `${name} is not ready`);
    const isSame = sim.host.unit(name).invocationId === before;
    check(isSame || kind === 'liveness', 'rollback', `${name} was restarted for its ${kind}Probe`);
    sim.host.doomed.delete(word);
    sim.host.probes.calmDown();
    await sim.settle();
  },
  'a guest that is not ready for a while': async (sim, name) => {
    const desired = sim.folder.desired(name);
    const { readinessProbe } = manifestOf(sim, name).spec;
    const isOnTrial = desired.state === 'present' && desired.rollout?.isProven !== true;
    if (readinessProbe === undefined || isOnTrial) return;
    const before = sim.host.unit(name).invocationId;
    sim.host.probes.turn(name, ['readiness']);
    await sim.run(30_000);
    check(!isSaidReady(sim, name), 'probes', `${name} is said to be ready`);
    sim.host.probes.turn(name, []);
    await sim.settle();
    check(isSaidReady(sim, name), 'probes', `${name} is not said to be ready again`);
    check(sim.host.unit(name).invocationId === before, 'probes', `${name} was restarted`);
  },
};

function runsWhatIsWritten(sim: Simulation, name: string): boolean {
  const started = specOf(sim.host.unit(name).run?.text ?? '');
  return started !== null && launchedWith(started) === launchedWith(manifestOf(sim, name).written);
}

function isSaidReady({ controller }: Simulation, name: string): boolean {
  return findCondition(controller?.get(name)?.status.conditions ?? [], 'Ready')?.status === 'True';
}
