import type { Random } from '../model/random.ts';
import { check } from './at-rest.ts';
import type { Simulation } from './simulation.ts';
import { editedHard } from './specs.ts';

/** All manifests go, some come back, and a person confirms it, just when specs that are gone are found to work. */
export function sweep(sim: Simulation, random: Random): void {
  sim.hadSweep = true;
  for (const name of sim.life.names) {
    const before = sim.folder.spec(name);
    sim.folder.remove(name);
    if (before !== null && random.chance(0.1))
      sim.after(random.below(20_000), () => sim.folder.put(name, before));
  }
  const inMs = random.chance(0.2) ? random.below(12_000) : nextProofInMs(sim) - random.below(80);
  sim.after(Math.max(1, inMs), () => void confirm(sim));
}

/** The same where it is certain what has to follow: all are edited, run, go, are held, may go, and are gone. */
export async function sweepAtRest(sim: Simulation, random: Random): Promise<void> {
  for (const name of sim.life.names) {
    const spec = sim.folder.spec(name);
    if (spec !== null) sim.folder.put(name, editedHard(spec, random));
  }
  await sim.run(3000 + random.below(5000));
  const wereThere = sim.folder.names().filter(name => sim.folder.desired(name).state === 'present');
  for (const name of sim.life.names) sim.folder.remove(name);
  await sim.run(1000);
  sim.isDiskBusy = true;
  await sim.run(Math.max(1, nextProofInMs(sim) - random.below(80)));
  const held = sim.controller?.source().held ?? null;
  const mustBeHeld = sim.files !== null && wereThere.length > 3;
  check(!mustBeHeld || held !== null, 'guards', `${wereThere.join(', ')} go, and nobody is asked`);
  await Promise.all([confirm(sim), sim.run(10_000)]);
  sim.isDiskBusy = false;
  await sim.settle();
  for (const name of wereThere)
    check(sim.folder.desired(name).state !== 'present', 'confirmed deletions', `${name} is not gone`);
}

/** When the next guest will have been Ready for so long that its spec counts as one that works. */
function nextProofInMs({ host }: Simulation): number {
  const proofsAt = [...host.units.values()]
    .filter(({ activeState }) => activeState === 'active')
    .map(({ activeAt = 0 }) => activeAt + 10_000)
    .filter(at => at > host.now + 1000);
  return proofsAt.length === 0 ? 2000 : Math.min(...proofsAt) - host.now;
}

/** A person is shown what is held, and says that it may go. */
async function confirm(sim: Simulation): Promise<void> {
  const { controller } = sim;
  const held = controller?.source().held ?? null;
  if (controller === null || held === null) return;
  sim.tell(`  ${held.names.join(', ')} may go`);
  const isConfirmed = await controller.confirmPrune(held.hash).catch(error => {
    sim.tell(`  refused: ${error}`);
    return false;
  });
  if (isConfirmed) sim.folder.confirmed(held.names);
}
