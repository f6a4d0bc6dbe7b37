import assert from 'node:assert/strict';
import { sleeper } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, type Scene } from './scene.ts';

/** In the sample only every so many of them. */
const SAMPLE_STRIDE = { step: 7, effect: 13 };

export const killAfterEachStep: Fault = {
  name: 'kill-step',
  title:
    'nspawnd killed after each step of a launch, an edit, a stop and a removal: exactly one container, or none, results',
  run: scene => killAtEach(scene, number => scene.probe.killAfterStep(number), stride(scene, 'step')),
};

export const killBeforeEachEffect: Fault = {
  name: 'kill-effect',
  title: 'nspawnd killed before each single thing it does to the host: each is as good as done or not begun',
  run: scene => killAtEach(scene, number => scene.probe.killBeforeEffect(number), stride(scene, 'effect')),
};

function stride({ size }: Scene, kind: keyof typeof SAMPLE_STRIDE): number {
  return size === 'whole' ? 1 : SAMPLE_STRIDE[kind];
}

interface Act {
  readonly word: string;
  /** May be done again: what asks nspawnd itself can be cut off by its death. */
  readonly begin: (scene: Scene) => Promise<unknown>;
  readonly isDone: (scene: Scene) => Promise<boolean>;
}

const NAME = 'victim';
const NSPAWN_OF_IT = `^[^ ]*systemd-nspawn .*--machine=${NAME}( |$)`;

const ACTS: readonly Act[] = [
  { word: 'launch', begin: drop('first'), isDone: runsAs('first') },
  { word: 'edit', begin: drop('second'), isDone: runsAs('second') },
  { word: 'stop', begin: ({ world }) => world.ctl('stop', NAME), isDone: isStopped },
  { word: 'start', begin: ({ world }) => world.ctl('start', NAME), isDone: runsAs('second') },
  { word: 'crash', begin: crash, isDone: runsAs('second') },
  {
    word: 'removal',
    begin: ({ world }) => world.host.rm(`/etc/nspawnd/manifests/${NAME}.yaml`),
    isDone: isGone,
  },
];

/** One life of a container after another; in the Nth, nspawnd dies at the Nth point of each act. Until no act has so many. */
async function killAtEach(
  scene: Scene,
  arm: (number: number) => Promise<void>,
  apart: number,
): Promise<string> {
  const kills = new Map(ACTS.map(({ word }) => [word, 0]));
  const exhausted = new Set<string>();
  for (let number = 1; exhausted.size < ACTS.length; number += apart) {
    for (const act of ACTS) {
      const before = await deaths(scene);
      if (!exhausted.has(act.word)) await arm(number);
      await act.begin(scene);
      await untilDone(scene, act, number);
      if (exhausted.has(act.word)) continue;
      // What comes after the end that can be seen, such as keeping what people are told, is done before it is let live.
      if ((await deaths(scene)) === before) exhausted.add(act.word);
      else kills.set(act.word, (kills.get(act.word) ?? 0) + 1);
      await scene.probe.letLive();
    }
  }
  assert.ok(
    [...kills.values()].every(count => count > 0),
    [...kills].join(' '),
  );
  return `${[...kills.values()].reduce((sum, count) => sum + count, 0)} kills (${[...kills].map(([word, count]) => `${word} ${count}`).join(', ')})`;
}

async function untilDone(scene: Scene, act: Act, number: number): Promise<void> {
  let begunAt = performance.now();
  await eventually(
    async () => {
      if (await act.isDone(scene)) return true;
      const canBeLost = act.word === 'stop' || act.word === 'start';
      if (canBeLost && performance.now() - begunAt > 3000) {
        begunAt = performance.now();
        await act.begin(scene);
      }
      return false;
    },
    { timeoutMs: 90_000, describe: `the ${act.word} to be done, killed at ${number}` },
  );
  // While it starts, nspawn has children that are called as it is.
  await eventually(
    async () => {
      const nspawns = await scene.world.host.exec(['pgrep', '-c', '-f', NSPAWN_OF_IT], { reject: false });
      return Number(nspawns.stdout) <= 1;
    },
    { timeoutMs: 20_000, describe: `one ${NAME} at most after the ${act.word}, killed at ${number}` },
  );
}

async function deaths({ world }: Scene): Promise<string> {
  return world.sh('systemctl', 'show', '-P', 'NRestarts', 'nspawnd');
}

/** With everything that is prepared for a start. */
function drop(edition: string): (scene: Scene) => Promise<void> {
  const spec = {
    ...ownNetwork(249),
    readiness: 'fifo',
    environment: { EDITION: edition },
    command: ['/bin/sh', '-c', 'echo started > /var/lib/startup-done; exec sleep infinity'],
  };
  return ({ world }) => world.drop(NAME, sleeper(spec));
}

function runsAs(edition: string): (scene: Scene) => Promise<boolean> {
  return async ({ world }) => {
    const ready = await world.condition(NAME, 'Ready');
    if (ready?.status !== 'True') return false;
    const pid = await world.mainPid(NAME);
    const argv = await world.host.readFile(`/proc/${pid}/cmdline`);
    const { length } = (await world.sh('ip', 'netns', 'list'))
      .split('\n')
      .filter(line => line.startsWith(NAME));
    assert.equal(length, 1);
    return argv.includes(`EDITION=${edition}`) && (await world.pings('10.231.249.2'));
  };
}

async function isStopped({ world }: Scene): Promise<boolean> {
  const ready = await world.condition(NAME, 'Ready');
  return ready?.reason === 'Stopped' && (await world.unit(NAME, 'ActiveState')) !== 'active';
}

async function crash({ world }: Scene): Promise<void> {
  const run = await world.invocation(NAME);
  await world.sh('kill', '-9', String(await world.mainPid(NAME)));
  await eventually(async () => (await world.invocation(NAME)) !== run, { timeoutMs: 60_000 });
}

async function isGone({ world }: Scene): Promise<boolean> {
  const left = await world.sh(
    'sh',
    '-c',
    `
    ip netns list | grep ^${NAME}; ip -o link | grep ve-${NAME}; ls /run/systemd/system | grep @${NAME}
    find /run/nspawnd /var/lib/nspawnd ! -type d | grep ${NAME}; pgrep -fa '${NSPAWN_OF_IT}'; true`,
  );
  return left === '' && (await world.get(NAME)) === null;
}
