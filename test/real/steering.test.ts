import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import { eventually } from '../testbed/eventually.ts';
import { Tmux } from './tmux.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

/** Changing and steering containers by nspawnctl, with files as the only truth. */
const world = useWorld();

const CREATED = '/etc/nspawnd/manifests/created';

async function apply(name: string, spec: Readonly<Record<string, unknown>>, ...more: readonly string[]) {
  await world.host.writeFile(`/root/${name}.yaml`, manifestText(name, spec));
  return world.ctl('apply', '-f', `/root/${name}.yaml`, ...more);
}

describe('apply and delete', () => {
  test('make, change and remove a manifest, and the container follows', async () => {
    assert.equal((await apply('web', sleeper())).stdout, 'container/web created');
    await world.untilReady('web');
    const run = await world.invocation('web');
    assert.equal((await apply('web', sleeper())).stdout, 'container/web unchanged');
    assert.equal((await apply('web', sleeper({ timeoutStopSec: 7 }))).stdout, 'container/web configured');
    assert.equal(await world.invocation('web'), run);
    const restarting = await apply('web', sleeper({ timeoutStopSec: 7, environment: { A: '1' } }));
    assert.equal(restarting.stdout, 'container/web configured: restarts for environment');
    await eventually(async () => (await world.invocation('web')) !== run, {
      timeoutMs: 30_000,
      describe: 'another run',
    });
    const deleted = await world.ctl('delete', 'web');
    assert.equal(deleted.stdout, 'container/web deleted (its root stays: /var/lib/machines/base)');
    assert.equal(await world.exits('machinectl', 'show', 'web'), 1);
    assert.equal(await world.exits('test', '-e', `${CREATED}/web.yaml`), 1);
    assert.equal(await world.exits('test', '-d', '/var/lib/machines/base'), 0);
  });

  test('of two at once, neither is lost', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `many${index}`);
    const results = await Promise.all(names.map(name => apply(name, sleeper({ autoStart: false }))));
    for (const { stdout, stderr } of results) assert.match(stdout, /created/, stderr);
    assert.deepEqual((await world.list()).map(({ metadata }) => metadata.name).sort(), names);
  });

  test('on a full disk change nothing and say so', async () => {
    await world.sh('mkdir', '-p', CREATED);
    await world.sh('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=755', 'tmpfs', CREATED);
    try {
      assert.equal((await apply('web', sleeper())).exitCode, 0);
      await world.untilReady('web');
      const before = await world.sh('cat', `${CREATED}/web.yaml`);
      await world.host.exec(['dd', 'if=/dev/zero', `of=${CREATED}/filler`], { reject: false });
      for (const name of ['web', 'other']) {
        const full = await apply(name, sleeper({ environment: { A: 'x'.repeat(8000) } }));
        assert.equal(full.exitCode, 78, full.stdout);
        assert.match(full.stderr, new RegExp(`cannot write .*${name}\\.yaml: ENOSPC`));
      }
      assert.equal(await world.sh('cat', `${CREATED}/web.yaml`), before);
      assert.equal(await world.sh('ls', '-A', CREATED), 'filler\nweb.yaml');
      assert.equal(await world.unit('web', 'ActiveState'), 'active');
      await world.ctl('delete', 'web');
    } finally {
      await world.sh('umount', '--lazy', CREATED);
    }
  });

  test('leave alone what is on a read-only disk, and name the file', async () => {
    await world.drop('fixed', sleeper());
    await world.untilReady('fixed');
    await world.sh('mount', '--bind', '/etc/nspawnd/manifests', '/etc/nspawnd/manifests');
    await world.sh('mount', '-o', 'remount,ro,bind', '/etc/nspawnd/manifests');
    try {
      for (const argv of [
        ['delete', 'fixed'],
        ['apply', '-f', '/root/fixed.yaml'],
      ]) {
        await world.host.writeFile('/root/fixed.yaml', manifestText('fixed', sleeper({ timeoutStopSec: 3 })));
        const { exitCode, stderr } = await world.ctl(...argv);
        assert.equal(exitCode, 78, stderr);
        assert.match(stderr, /fixed\.yaml cannot be changed: EROFS/);
      }
      assert.equal(await world.unit('fixed', 'ActiveState'), 'active');
    } finally {
      await world.sh('umount', '--lazy', '/etc/nspawnd/manifests');
    }
  });
});

describe('suspend', () => {
  test('keeps nspawnd off through its own restart, says so, and ends when it is told', async () => {
    await world.drop('web', sleeper());
    await world.untilReady('web');
    assert.equal((await world.ctl('suspend', 'web')).exitCode, 0);
    await world.until('web', 'Suspended', 'True');
    await world.sh('systemctl', 'restart', 'nspawnd');
    await world.until('web', 'Suspended', 'True');
    const refused = await world.ctl('restart', 'web');
    assert.equal(refused.exitCode, 78);
    assert.match(refused.stderr, /nspawnctl resume web/);
    // Neither a crash nor the end of its manifest moves it.
    await world.sh('kill', '-9', String(await world.mainPid('web')));
    await eventually(async () => (await world.mainPid('web')) === 0, {
      timeoutMs: 10_000,
      describe: 'its end',
    });
    assert.equal((await world.ctl('reconcile', 'web')).exitCode, 0);
    assert.equal(await world.mainPid('web'), 0);
    assert.equal((await world.ctl('resume', 'web')).stdout, 'container/web resumed');
    await world.untilReady('web');
    const container = await world.get('web');
    assert.equal(findCondition(container?.status.conditions ?? [], 'Suspended'), undefined);
  });

  test('holds even when the manifest goes, and ends by itself', async () => {
    await world.drop('web', sleeper());
    await world.untilReady('web');
    assert.equal((await world.ctl('suspend', 'web', '--for', '8s')).exitCode, 0);
    await world.remove('web');
    await world.ctl('reconcile', 'web');
    assert.equal(await world.unit('web', 'ActiveState'), 'active');
    await world.untilGone('web');
    assert.equal(await world.exits('test', '-e', '/var/lib/nspawnd/suspended/web'), 1);
  });
});

describe('edit', () => {
  test('changes only what was changed, gives another try, and never loses a text', async () => {
    await world.drop('web', sleeper());
    await world.untilReady('web');
    const terminal = await Tmux.open(world, 'edit');
    await world.host.writeFile(
      '/root/editor',
      '#!/bin/sh\nif [ -e /root/tried ]; then sed -i \'s/^  wrong: 1$/  timeoutStopSec: 7/\' "$1"; else touch /root/tried; sed -i \'s/^spec:$/spec:\\n  wrong: 1/\' "$1"; fi\n',
      { mode: 0o755 },
    );
    await terminal.type('export EDITOR=/root/editor; nspawnctl edit web; echo status $?');
    await terminal.until(/spec\.wrong[\s\S]*edit again\? \[Y\/n\]/);
    assert.doesNotMatch(await world.sh('cat', '/etc/nspawnd/manifests/web.yaml'), /wrong/);
    await terminal.type('y');
    await terminal.until(/container\/web edited\s+status 0/);
    assert.match(await world.sh('cat', '/etc/nspawnd/manifests/web.yaml'), /timeoutStopSec.*7/);
    await terminal.clear();
    await terminal.type('rm /root/tried; nspawnctl edit web; echo status $?');
    await terminal.until(/edit again\?/);
    await terminal.type('n');
    const kept = await terminal.until(/Your text is kept: (\S+)\s+status 65/);
    assert.match(await world.sh('cat', kept[1] ?? ''), /wrong: 1/);
    await terminal.type('EDITOR=true nspawnctl edit web; echo status $?');
    await terminal.until(/Nothing was changed\.\s+status 0/);
    await terminal.close();
  });
});
