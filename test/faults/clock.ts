import assert from 'node:assert/strict';
import { guest, sleeper } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, type Scene } from './scene.ts';

const DROP_IN = '/etc/systemd/system/nspawnd.service.d/clock.conf';
const CLOCK = '/run/probe/clock';
const JUMPS = ['+1d', '-2d', '+400d', '-1h', '+0'] as const;

/** Test hosts share the clock of their machine, which nobody may set: it is nspawnd that sees another one. */
export const clockJumps: Fault = {
  name: 'clock',
  title:
    'the clock jumps under nspawnd, by days and back: what starts is given its time, what crashed its next try, and no more',
  around: async (world, body) => {
    const lines = [
      '[Service]',
      'Environment=LD_PRELOAD=libfaketime.so.1 FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1',
      `Environment=FAKETIME_TIMESTAMP_FILE=${CLOCK} NO_FAKE_STAT=1`,
    ];
    await world.host.writeFile(CLOCK, '+0\n');
    await world.sh(
      'sh',
      '-ec',
      'ln -sf "$(find /usr/lib -name libfaketime.so.1 | head -1)" /usr/local/lib/libfaketime.so.1; ldconfig',
    );
    await world.host.writeFile(DROP_IN, `${lines.join('\n')}\n`);
    await world.sh('sh', '-ec', 'systemctl daemon-reload; systemctl restart nspawnd');
    try {
      await body();
    } finally {
      await world.sh('sh', '-ec', `rm ${DROP_IN}; systemctl daemon-reload; systemctl restart nspawnd`);
    }
  },
  run: async scene => {
    const jumps = scene.size === 'whole' ? JUMPS : JUMPS.slice(0, 2);
    for (const [index, jump] of jumps.entries()) await jumpBy(scene, jump, index);
    return jumps.join(' ');
  },
};

async function jumpBy(scene: Scene, jump: string, index: number): Promise<void> {
  const { world } = scene;
  const slow = {
    readiness: 'fifo',
    timeoutStartSec: 60,
    command: ['/bin/sh', '-c', 'sleep 4; echo started > /var/lib/startup-done; exec sleep infinity'],
  };
  // One that has begun to start, and one that waits for its next try.
  await world.drop('slow', sleeper({ ...slow, ...ownNetwork(232) }));
  await world.drop('crashes', sleeper({ command: ['/bin/sh', '-c', 'exit 3'] }));
  await world.until('slow', 'Ready', 'False', 'Starting');
  const run = await eventually(() => world.invocation('slow'), { timeoutMs: 30_000 });
  await eventually(async () => ((await world.get('crashes'))?.status.restarts ?? 0) >= 1, {
    timeoutMs: 60_000,
  });

  await world.host.writeFile(CLOCK, `${jump}\n`);
  await untilItIs(scene, jump);
  const { restarts } = (await world.get('crashes'))?.status ?? { restarts: 0 };
  await scene.untouched();
  await world.untilReady('slow');
  assert.equal(await world.invocation('slow'), run, 'what had begun to start was given its time');
  assert.equal((await world.get('slow'))?.status.restarts, 0);
  await eventually(async () => ((await world.get('crashes'))?.status.restarts ?? 0) > restarts, {
    timeoutMs: 90_000,
    describe: 'the next try, which no clock puts off',
  });

  // What is written now seems to be of another day.
  await world.drop(`later-${index}`, guest(ownNetwork(233)));
  await world.host.writeManifest('placed.yaml', text('placed'), { inPlace: true });
  await world.untilReady(`later-${index}`, 'placed');
  await world.sh('kill', '-9', String(await world.mainPid(`later-${index}`)));
  await world.untilEvent(`later-${index}`, 'Failed');
  await world.untilReady(`later-${index}`);
  const names = ['slow', 'crashes', `later-${index}`, 'placed'];
  for (const name of names) await world.remove(name);
  const { held } = await eventually(async () => {
    const source = await world.source();
    return source.held !== null || (await world.list()).length <= 6 ? source : null;
  });
  if (held !== null) await world.ctl('prune', '--confirm', held.hash);
  for (const name of names) await world.untilGone(name);
}

/** What nspawnd says is of the day that it sees. */
async function untilItIs({ world }: Scene, jump: string): Promise<void> {
  const hours = Number(/[+-]?\d+/.exec(jump)?.[0] ?? 0) * (jump.endsWith('d') ? 24 : 1);
  await eventually(
    async () => {
      await world.ctl('reconcile', 'lives-plain');
      const { lastScan } = await world.source();
      const offByMs = Date.parse(lastScan) - Date.now() - hours * 3_600_000;
      return Math.abs(offByMs) < 300_000;
    },
    { timeoutMs: 60_000, describe: `nspawnd to see the clock at ${jump}` },
  );
}

function text(name: string): string {
  return `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: ${name} }\nspec: ${JSON.stringify(sleeper())}\n`;
}
