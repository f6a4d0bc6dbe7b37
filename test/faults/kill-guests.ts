import assert from 'node:assert/strict';
import { guest, sleeper } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, type Scene } from './scene.ts';

export const killNspawn: Fault = {
  name: 'kill-nspawn',
  title:
    'the nspawn of containers killed, also while they start and stop: each is started again, in a whole sandbox',
  run: scene => crashes(scene, name => killOf(scene, name, 'MainPID')),
};

export const killInit: Fault = {
  name: 'kill-init',
  title:
    "a guest's first process killed, also while it starts and stops: it is started again, and what it was told is kept",
  run: scene => crashes(scene, name => killOf(scene, name, 'Leader')),
};

const ROUNDS = { sample: 1, whole: 6 } as const;
const MOMENTS_MS = [0, 80, 200, 350];

async function crashes(scene: Scene, kill: (name: string) => Promise<void>): Promise<string> {
  const { world, size } = scene;
  let count = 0;
  for (let round = 0; round < ROUNDS[size]; round++) {
    const kinds = { booted: guest(ownNetwork(210)), small: sleeper(ownNetwork(211)) };
    const names = Object.keys(kinds).map(kind => `${kind}-${round}`);
    for (const [kind, spec] of Object.entries(kinds)) await world.drop(`${kind}-${round}`, spec);
    await world.untilReady(...names);
    for (const name of names) {
      const run = await world.invocation(name);
      await kill(name);
      await world.untilEvent(name, 'Failed');
      await untilAnotherRun(scene, name, run);
      const index = name.startsWith('booted') ? 210 : 211;
      assert.ok(await world.pings(`10.231.${index}.2`), name);
      count += 1;
    }
    // While it is on its way up, and down.
    const moment = MOMENTS_MS[round % MOMENTS_MS.length] ?? 0;
    for (const verb of ['restart', 'stop']) {
      const name = `small-${round}`;
      const doing = world.ctl(verb, name);
      await world.sh('sleep', String(moment / 1000));
      await kill(name).catch(() => undefined);
      count += 1;
      await doing;
      const reason = verb === 'stop' ? 'Stopped' : 'Ready';
      await eventually(async () => (await world.condition(name, 'Ready'))?.reason === reason, {
        timeoutMs: 60_000,
        describe: `${name} to be ${reason}`,
      });
    }
    for (const name of names) await world.remove(name);
    for (const name of names) await world.untilGone(name);
  }
  await scene.untouched();
  return `${count} kills`;
}

async function killOf({ world }: Scene, name: string, whose: 'MainPID' | 'Leader'): Promise<void> {
  const pid = whose === 'MainPID' ? await world.unit(name, 'MainPID') : await world.leader(name);
  assert.ok(Number(pid) > 1, `${name} has a ${whose}`);
  await world.sh('kill', '-9', pid);
}

async function untilAnotherRun({ world }: Scene, name: string, run: string): Promise<void> {
  await eventually(
    async () => {
      const now = await world.invocation(name);
      return now !== '' && now !== run && (await world.condition(name, 'Ready'))?.status === 'True';
    },
    { timeoutMs: 60_000, describe: `${name} to run again` },
  );
}
