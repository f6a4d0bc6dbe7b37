import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { suite, worldOf } from '../real/world.ts';
import { bootHost } from '../testbed/boot-host.ts';
import type { Host } from '../testbed/host.ts';
import { faultsHostTree } from '../testbed/recipes.ts';
import { ensureTree } from '../testbed/tree.ts';
import { FAULTS } from './catalogue.ts';
import { FaultHost } from './fault.ts';

/** Each fault a little, all done to one host; `npm run faults` does all of it. Other chances each day. */
const SEED = Math.floor(Date.now() / 86_400_000);

let host: Host | null = null;
const faultHost = new FaultHost(
  worldOf(() => {
    assert.ok(host !== null, 'the host is booted');
    return host;
  }),
);

before(async () => {
  host = await bootHost({ suite, hostTree: await ensureTree(faultsHostTree(suite)) });
  await faultHost.prepare();
});
after(() => host?.down());

/** Each death there is a start of nspawnd; those between two steps are enough here. */
const SAMPLED = FAULTS.filter(({ name }) => name !== 'kill-effect');

for (const fault of SAMPLED)
  test(fault.title, async context => {
    try {
      const { figures, counts, seconds } = await faultHost.suffer(fault, 'sample', SEED);
      context.diagnostic(`${fault.name} (${seconds.toFixed(0)} s): ${figures}; ${counts}`);
    } catch (error) {
      console.error(await host?.diagnose());
      throw error;
    }
  });
