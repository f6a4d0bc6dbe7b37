import { PROBE_KINDS } from '../../src/planning/probe-facts.ts';
import type { Random } from '../model/random.ts';
import { type DeedKind, edit, kind } from './deeds.ts';
import { withoutProbes, withProbes } from './specs.ts';

/** What else may happen on a host whose guests are asked how they are. */
export const PROBE_DEEDS: Readonly<Record<string, DeedKind>> = {
  'it is asked something else': kind(3, (sim, name, random) =>
    edit(sim, name, spec => withProbes(spec, random)),
  ),
  'it is asked nothing any more': kind(1, (sim, name) => edit(sim, name, withoutProbes)),
  'it answers badly': kind(3, (sim, name, random) => sim.host.probes.turn(name, someOf(random))),
  'it answers badly until it is started again': kind(4, (sim, name, random) =>
    sim.host.probes.turnRun(name, someOf(random)),
  ),
  'it answers badly for a while': kind(3, (sim, name, random) => {
    sim.host.probes.turn(name, someOf(random));
    sim.after(random.below(random.pick([100, 5000, 90_000])), () => sim.host.probes.turn(name, []));
  }),
  'it answers well': kind(3, (sim, name) => sim.host.probes.turn(name, [])),
};

function someOf(random: Random): readonly (typeof PROBE_KINDS)[number][] {
  return PROBE_KINDS.filter(() => random.chance(0.5));
}
