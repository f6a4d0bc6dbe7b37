import { eventually } from '../testbed/eventually.ts';
import type { Bench } from './bench.ts';
import { activeSince, POLL_MS } from './contender.ts';
import { measureInTurn } from './in-turn.ts';
import { lxc } from './lxc.ts';
import { nspawnd } from './nspawnd.ts';
import { originUnit } from './origin-unit.ts';
import { quadlet } from './quadlet.ts';
import { rawJoining, rawVeth } from './raw.ts';
import { table } from './report.ts';
import { template } from './template.ts';

/** From the manifest's renaming (or the first command) to READY, and how much of it passes before systemd begins. */
export async function measureStarts(bench: Bench): Promise<string> {
  const { host } = bench;
  const contenders = [
    rawJoining(host, 'systemd-nspawn in a prepared namespace'),
    rawJoining(host, 'the same again (noise)'),
    nspawnd(host),
    rawVeth(host),
    template(host),
    originUnit(host),
    await quadlet(host),
    lxc(host),
  ];
  const [ready = [], begun = [], booted = []] = await measureInTurn(
    bench,
    contenders,
    ['ready', 'begun', 'booted'],
    async (contender, name) => {
      const begin = await contender.start(name);
      const { begunAt, activeAt } = await eventually(() => activeSince(host, contender.unit(name), begin), {
        timeoutMs: 60_000,
        everyMs: POLL_MS,
        describe: `${contender.unit(name)} to be active`,
      });
      return [activeAt - begin, begunAt - begin, activeAt - begunAt];
    },
  );
  const goal = 'nspawnd at most 1.05 of the first row, at most 0.75 of the Quadlet';
  return [
    table('drop to READY', ready, goal),
    table('of this, until systemd begins with the unit', begun),
    table('of this, from there to READY', booted),
  ].join('\n');
}
