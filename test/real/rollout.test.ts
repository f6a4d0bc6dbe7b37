import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RevisionList } from '../../src/server/protocol.ts';
import { eventually } from '../testbed/eventually.ts';
import { guest, manifestText, sleeper, useWorld } from './world.ts';

const world = useWorld();
const FILE = (name: string) => `/etc/nspawnd/manifests/${name}.yaml`;

/** Says its last words, and fails. */
const BROKEN = sleeper({ command: ['/bin/sh', '-c', 'echo the config is wrong; exit 3'] });
const GOOD = sleeper({ environment: { EDITION: 'good' } });

test('an edited container that fails goes back to the spec that worked, and says so; also after a boot', async () => {
  await proven('web', GOOD);
  await world.drop('web', BROKEN);
  const rolledBack = await world.until('web', 'RolledBack', 'True', 'NotReadyInTime');
  assert.match(rolledBack.message, /it failed 3 times: .*exited with status 3/);
  assert.match(rolledBack.message, /the config is wrong/);
  assert.match(rolledBack.message, /Mend \/etc\/nspawnd\/manifests\/web\.yaml:1/);
  await world.untilReady('web');
  assert.equal(await edition('web'), 'good');
  await world.untilEvent('web', 'RolledBack', /failed 3 times/);
  assert.match((await world.ctl('get', 'web')).stdout, /^web +True +Running,RolledBack /m);
  assert.match((await world.ctl('describe', 'web')).stdout, /Needs attention:\n +RolledBack\/NotReadyInTime/);
  assert.equal((await world.ctl('diff')).exitCode, 0, 'nothing is left to do');
  const same = await world.ctl('diff', FILE('web'));
  assert.match(same.stdout, /not tried again: revision 2: it failed 3 times/);

  // Touched, with a comment, by another name, and after a restart of nspawnd: it stays what it is.
  const run = await world.invocation('web');
  await world.sh('sh', '-c', `touch ${FILE('web')}; echo '# a comment' >> ${FILE('web')}`);
  await world.ctl('reconcile', 'web');
  await world.sh('mv', FILE('web'), FILE('renamed'));
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.until('web', 'RolledBack', 'True');
  assert.equal((await world.ctl('reconcile', 'web')).exitCode, 0);
  assert.equal(await world.invocation('web'), run);
  await world.host.reboot();
  await world.untilReady('web');
  await world.until('web', 'RolledBack', 'True');
  assert.equal(await edition('web'), 'good');
  assert.equal((await world.get('web'))?.status.restarts, 0);

  // Another spec in the file is another chance.
  await world.sh('rm', FILE('renamed'));
  await world.drop('web', sleeper({ environment: { EDITION: 'better' } }));
  const status = await world.ctl('rollout', 'status', 'web', '--timeout', '60s');
  assert.deepEqual([status.exitCode, status.stdout], [0, 'container/web successfully rolled out']);
  assert.equal(await edition('web'), 'better');
  assert.equal(await world.condition('web', 'RolledBack'), undefined);
});

test('one that hangs goes back at its deadline, one whose flags nspawn refuses, too; a new one is not given up, nor one that is to stay', async () => {
  const booting = guest({ environment: { EDITION: 'good' } });
  const toStay = { rollback: false };
  await Promise.all([
    proven('hangs', GOOD),
    proven('flags', booting),
    proven('to-stay', { ...GOOD, ...toStay }),
  ]);
  await world.drop('fresh-one', BROKEN);
  await world.drop('to-stay', { ...BROKEN, ...toStay });
  const run = await world.invocation('hangs');
  await world.drop('hangs', sleeper({ readiness: 'fifo', progressDeadlineSeconds: 4 }));
  await world.drop('flags', { ...booting, extraFlags: ['--bind=/no/such/directory'] });
  const hung = await world.until('hangs', 'RolledBack', 'True');
  assert.match(hung.message, /it was not Ready within 4 s/);
  await world.until('flags', 'RolledBack', 'True');
  await world.untilReady('hangs', 'flags');
  assert.equal(await edition('hangs'), 'good');
  assert.notEqual(await world.invocation('hangs'), run);
  for (const name of ['fresh-one', 'to-stay']) {
    await eventually(
      async () => {
        const history = await world.sh('cat', `/run/nspawnd/history/${name}`);
        return (JSON.parse(history) as { readonly failures: number }).failures > 3;
      },
      { timeoutMs: 60_000, describe: `${name} to be tried again and again` },
    );
    assert.equal(await world.condition(name, 'RolledBack'), undefined, name);
  }
});

test('rollout: history tells, retry tries again, undo changes the file, and a git checkout is changed by nobody', async () => {
  await proven('one-app', GOOD);
  await world.drop('one-app', { ...BROKEN, environment: { EDITION: 'bad' } });
  const status = await world.ctl('rollout', 'status', 'one-app', '--timeout', '60s');
  assert.equal(status.exitCode, 1, status.stderr);
  assert.match(status.stderr, /one-app is not rolled out: revision 2 did not become Ready/);
  await world.untilReady('one-app');

  const history = await world.ctl('rollout', 'history', 'one-app');
  assert.match(history.stdout, /^1 +v1-\w+ +\d+s ago +InForce$/m);
  assert.match(history.stdout, /^2 +v1-\w+ +\d+s ago +Rejected +it failed 3 times/m);
  assert.match((await world.ctl('rollout', 'history', 'one-app', '--revision', '2')).stdout, /EDITION: bad/);
  const list = JSON.parse(
    (await world.ctl('rollout', 'history', 'one-app', '-o', 'json')).stdout,
  ) as RevisionList;
  assert.deepEqual(
    list.items.map(({ revision, isInForce, isInManifest }) => [revision, isInForce, isInManifest]),
    [
      [1, true, false],
      [2, false, true],
    ],
  );

  await world.sh('mkdir', '/etc/nspawnd/manifests/.git');
  const refused = await world.ctl('rollout', 'undo', 'one-app');
  assert.equal(refused.exitCode, 78);
  assert.match(refused.stderr, /one-app\.yaml belongs to the git checkout \/etc\/nspawnd\/manifests/);
  await world.sh('rm', '-rf', '/etc/nspawnd/manifests/.git');

  // Tried again, it fails again, and that is a revision of its own.
  assert.equal((await world.ctl('rollout', 'retry', 'one-app')).exitCode, 0);
  await eventually(
    async () => {
      const { stdout } = await world.ctl('rollout', 'history', 'one-app');
      assert.match(stdout, /^3 .* Rejected/m);
      return true;
    },
    { timeoutMs: 60_000, describe: 'the second try to fail' },
  );
  await world.untilReady('one-app');

  const run = await world.invocation('one-app');
  const undone = await world.ctl('rollout', 'undo', 'one-app');
  assert.deepEqual([undone.exitCode, undone.stdout], [0, `container/one-app undone: ${FILE('one-app')}`]);
  assert.match(await world.sh('cat', FILE('one-app')), /"?EDITION"?: "?good/);
  assert.equal(await world.condition('one-app', 'RolledBack'), undefined);
  assert.equal(await world.invocation('one-app'), run, 'what was in force goes on');
  assert.equal((await world.ctl('rollout', 'undo', 'one-app', '--to-revision', '9')).exitCode, 78);
  assert.equal((await world.ctl('rollout', 'retry', 'one-app')).exitCode, 78);
});

test('kill -9 of nspawnd in the middle of it loses neither spec', async () => {
  await proven('killed', GOOD);
  await world.drop('killed', BROKEN);
  for (const reason of ['Failed', 'RolledBack']) {
    await world.untilEvent('killed', reason);
    await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
    await eventually(async () => (await world.exits('systemctl', 'is-active', 'nspawnd')) === 0, {
      timeoutMs: 60_000,
      describe: 'nspawnd to be back',
    });
  }
  await world.until('killed', 'RolledBack', 'True');
  await world.untilReady('killed');
  assert.equal(await edition('killed'), 'good');
  assert.match((await world.ctl('rollout', 'history', 'killed')).stdout, /^1 .*InForce[\s\S]*^2 .*Rejected/m);
});

test('a spec that a running guest takes over without a restart counts at once', async () => {
  const spec = (last: number) =>
    sleeper({ privateNetwork: true, hostAddress: '10.231.7.1', localAddress: `10.231.7.${last}` });
  await proven('moves', spec(2));
  const run = await world.invocation('moves');
  await world.host.writeManifest('moves.yaml', manifestText('moves', spec(3)));
  const { exitCode } = await world.ctl('rollout', 'status', 'moves', '--timeout', '30s');
  assert.equal(exitCode, 0);
  assert.equal(await world.invocation('moves'), run);
  assert.ok(await world.pings('10.231.7.3'));
});

/** Ready with a spec for so long that it counts. */
async function proven(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
  await world.drop(name, spec);
  await eventually(
    async () => {
      assert.deepEqual((await world.get(name))?.status.rollout, { revision: 1, state: 'Complete' });
      return true;
    },
    { timeoutMs: 90_000, describe: `${name} to have been Ready for a while` },
  );
}

/** Of the environment with which the running guest was started. */
async function edition(name: string): Promise<string> {
  const pid = await world.mainPid(name);
  const text = await world.sh('sh', '-c', `tr '\\0' '\\n' < /proc/${pid}/cmdline`);
  return /^--setenv=EDITION=(.*)$/m.exec(text)?.[1] ?? '';
}

/** Never good, however it is asked. */
const NEVER = { exec: { command: ['/bin/sh', '-c', 'echo no; exit 1'] }, periodSeconds: 1 };
test('an edit whose probes never find it good goes back, also with nspawnd restarted and killed meanwhile; undo and retry after it', async () => {
  const bad = { environment: { EDITION: 'bad' } };
  const edits = {
    unready: sleeper({ ...bad, readinessProbe: NEVER, progressDeadlineSeconds: 12 }),
    unstarted: sleeper({ ...bad, startupProbe: { ...NEVER, failureThreshold: 2 } }),
    // Longer than a spec without probes takes to count as one that works.
    lifeless: sleeper({ ...bad, livenessProbe: { ...NEVER, periodSeconds: 6, failureThreshold: 3 } }),
    // Only its probes are other ones: its guest goes on running meanwhile and afterwards.
    asked: sleeper({ environment: { EDITION: 'good' }, readinessProbe: NEVER, progressDeadlineSeconds: 15 }),
  };
  const names = Object.keys(edits);
  await Promise.all(names.map(name => proven(name, GOOD)));
  const run = await world.invocation('asked');
  for (const [name, spec] of Object.entries(edits)) await world.drop(name, spec);
  await world.until('unready', 'Ready', 'False', 'ReadinessProbeFailed');
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.untilEvent('lifeless', 'Failed', /livenessProbe failed 3 times/);
  await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
  await eventually(async () => (await world.get('unready')) !== null, { describe: 'nspawnd to be back' });

  const because = {
    unready: /it was not Ready within 12 s/,
    unstarted: /it failed 3 times: its startupProbe failed 2 times in a row: exited with status 1: no/,
    lifeless: /it was not Ready within 90 s: its livenessProbe failed|it failed 3 times: its livenessProbe/,
    asked: /it was not Ready within 15 s/,
  };
  for (const [name, message] of Object.entries(because)) {
    const rolledBack = await world.until(name, 'RolledBack', 'True', 'NotReadyInTime', 180_000);
    assert.match(rolledBack.message, message);
  }
  await world.untilReady(...names);
  for (const name of names) assert.equal(await edition(name), 'good');
  assert.equal(
    await world.invocation('asked'),
    run,
    'a guest that took it over without a restart goes back without one',
  );

  // Remembered: nothing is tried again by itself.
  const runs = await Promise.all(names.map(name => world.invocation(name)));
  await world.sh('systemctl', 'restart', 'nspawnd');
  for (const name of names) {
    await world.until(name, 'RolledBack', 'True');
    assert.equal((await world.ctl('reconcile', name)).exitCode, 0);
  }
  assert.deepEqual(await Promise.all(names.map(name => world.invocation(name))), runs);

  assert.equal((await world.ctl('rollout', 'retry', 'unready')).exitCode, 0);
  await eventually(
    async () => {
      assert.match((await world.ctl('rollout', 'history', 'unready')).stdout, /^3 .* Rejected/m);
      return true;
    },
    { timeoutMs: 60_000, describe: 'the second try to fail' },
  );
  await world.untilReady('unready');
  for (const name of ['unready', 'asked']) {
    const before = await world.invocation(name);
    assert.equal((await world.ctl('rollout', 'undo', name)).exitCode, 0);
    await eventually(async () => (await world.condition(name, 'RolledBack')) === undefined, {
      describe: `${name} to be what its file says`,
    });
    assert.equal(await world.invocation(name), before);
  }
});
