import { randomInt } from 'node:crypto';
import { worldOf } from '../real/world.ts';
import { bootHost } from '../testbed/boot-host.ts';
import { faultsHostTree } from '../testbed/recipes.ts';
import { defaultSuite, type Suite } from '../testbed/suite.ts';
import { ensureTree } from '../testbed/tree.ts';
import { FAULTS } from './catalogue.ts';
import { FaultHost } from './fault.ts';
import type { Size } from './scene.ts';

/**
 * `npm run faults`: everything that can go wrong with a host, done to one, with what it holds before and after.
 *
 *   npm run faults                  the whole list; the churn alone takes 20 minutes
 *   npm run faults -- kill clock    those whose name contains a word
 *   npm run faults -- --sample      each a little, as `npm test` does; --suite SUITE and --seed N as they say
 */
const words = process.argv.slice(2);
const size: Size = takeFlag('--sample') ? 'sample' : 'whole';
const suite = (takeOption('--suite') ?? defaultSuite) as Suite;
const seed = Number(takeOption('--seed') ?? randomInt(1_000_000));
const chosen = FAULTS.filter(({ name }) => words.length === 0 || words.some(word => name.includes(word)));

console.log(`${chosen.length} faults (${size}) on ${suite}, seed ${seed}`);
let failed = 0;
for (const fault of chosen) {
  // A host that a fault has broken is no place for the next one, and one that is as before costs three seconds.
  const host = await bootHost({ suite, hostTree: await ensureTree(faultsHostTree(suite)) });
  try {
    const faultHost = new FaultHost(worldOf(() => host));
    await faultHost.prepare();
    const { figures, counts, seconds } = await faultHost.suffer(fault, size, seed);
    console.log(`ok     ${fault.name} (${seconds.toFixed(0)} s): ${figures}\n       ${counts}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${fault.name}: ${fault.title}\n${error instanceof Error ? error.stack : error}`);
    console.log(await host.diagnose().catch(String));
  } finally {
    await host.down();
  }
}
console.log(`${chosen.length - failed} held, ${failed} failed`);
process.exitCode = failed === 0 && chosen.length > 0 ? 0 : 1;

function takeFlag(name: string): boolean {
  const index = words.indexOf(name);
  return index >= 0 && words.splice(index, 1).length > 0;
}

function takeOption(name: string): string | undefined {
  const index = words.indexOf(name);
  return index < 0 ? undefined : words.splice(index, 2)[1];
}
