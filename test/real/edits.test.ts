import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { payloadEnvironment, payloadWrote } from './payload.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

const world = useWorld();

test('the payload has the environment of the origin and of the manifest, and hostile characters arrive unchanged', async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is to arrive as it stands
  const hostile = '%h $X ${Y} "q" \\n \'s\' a\tb;`id`';
  const command = ['/bin/sh', '-c', 'printf "%s" "$0" > /tmp/argument; exec sleep 9999', hostile];
  await world.drop(
    'speaks',
    sleeper({
      privateNetwork: true,
      hostAddress: '10.231.1.1',
      localAddress: '10.231.1.2',
      environment: { HOSTILE: hostile, EMPTY: '', GREETING: 'grüß dich' },
      command,
    }),
  );
  await world.drop('alone', sleeper({ environment: { PATH: '/nowhere' } }));
  await world.untilReady('speaks', 'alone');
  const seen = await payloadEnvironment(world, 'speaks');
  assert.equal(seen.get('PRIVATE_NETWORK'), '1');
  assert.equal(seen.get('HOST_ADDRESS'), '10.231.1.1');
  assert.equal(seen.get('LOCAL_ADDRESS'), '10.231.1.2');
  assert.equal(seen.get('PATH'), '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
  assert.equal(seen.get('HOSTILE'), hostile);
  assert.equal(seen.get('EMPTY'), '');
  assert.equal(seen.get('GREETING'), 'grüß dich');
  assert.equal(await payloadWrote(world, 'speaks', '/tmp/argument', /`id`/), hostile);
  const alone = await payloadEnvironment(world, 'alone');
  assert.equal(alone.get('PRIVATE_NETWORK'), '');
  assert.equal(alone.get('PATH'), '/nowhere');
});

test('a booted guest hands the manifest’s environment to its PID 1', async () => {
  await world.drop('boots', {
    root: '/var/lib/machines/base',
    volatile: 'overlay',
    environment: { GREETING: 'hello $USER' },
  });
  await world.untilReady('boots');
  const environment = await world.amongGuest('boots', ['sh', '-c', 'tr "\\0" "\\n" < /proc/1/environ']);
  assert.match(environment, /^GREETING=hello \$USER$/m);
  assert.match(environment, /^PRIVATE_NETWORK=$/m);
});

test('the unit says what it is: description, slice, journal identifier, the mount it needs', async () => {
  await world.drop('told', sleeper({ command: ['/bin/sh', '-c', 'echo from inside; exec sleep 9999'] }));
  await world.untilReady('told');
  assert.equal(await world.unit('told', 'Description'), 'Container told');
  assert.equal(await world.unit('told', 'Slice'), 'machine.slice');
  assert.equal(await world.unit('told', 'SyslogIdentifier'), 'container told');
  assert.equal(await world.unit('told', 'Restart'), 'no');
  assert.match(await world.unit('told', 'RequiresMountsFor'), /\/var\/lib\/machines\/base/);
  assert.match(await world.sh('systemctl', 'cat', 'container@told'), /^ExecStart=.*systemd-nspawn/m);
  await eventually(
    async () => /from inside/.test(await world.sh('journalctl', '--no-pager', '-t', 'container told')),
    FOR_A_MINUTE,
  );
});

test('autoStart: false prepares everything and starts nothing; started by hand it works, also after an edit', async () => {
  const spec = (edition: string) =>
    sleeper({
      autoStart: false,
      privateNetwork: true,
      hostAddress: '10.231.1.1',
      localAddress: '10.231.1.2',
      environment: { EDITION: edition },
    });
  await world.drop('by-hand', spec('first'));
  await world.until('by-hand', 'Ready', 'False', 'NotStarted');
  assert.equal(await world.unit('by-hand', 'ActiveState'), 'inactive');
  assert.match(await world.sh('ip', 'netns', 'list'), /^by-hand\b/m);
  assert.match(await world.sh('ip', '-o', 'address', 'show', 've-by-hand'), /10\.231\.1\.1\/32/);

  await world.drop('by-hand', spec('second'));
  await eventually(
    async () => /EDITION=second/.test(await world.sh('systemctl', 'cat', 'container@by-hand')),
    FOR_A_MINUTE,
  );
  assert.equal(await world.unit('by-hand', 'ActiveState'), 'inactive');
  await world.sh('systemctl', 'start', 'container@by-hand');
  await world.untilReady('by-hand');
  await untilInEdition('second');
  assert.ok(await world.pings('10.231.1.2'));

  // Running, it is a container like any other.
  const run = await world.invocation('by-hand');
  await world.drop('by-hand', spec('third'));
  await untilOtherRun('by-hand', run);
  await untilInEdition('third');

  await world.sh('systemctl', 'stop', 'container@by-hand');
  await world.until('by-hand', 'Ready', 'False', 'Stopped');
  await world.drop('by-hand', spec('fourth'));
  await eventually(
    async () => /EDITION=fourth/.test(await world.sh('systemctl', 'cat', 'container@by-hand')),
    FOR_A_MINUTE,
  );
  assert.equal(await world.unit('by-hand', 'ActiveState'), 'inactive');
  assert.equal((await world.ctl('start', 'by-hand')).exitCode, 0);
  await untilInEdition('fourth');
});

test('addresses change under the running guest, and the old ones are gone on both sides', async () => {
  const spec = (net: number) =>
    sleeper({
      privateNetwork: true,
      hostAddress: `10.231.${net}.1`,
      localAddress: `10.231.${net}.2`,
      hostAddress6: `fd00:231:${net}::1`,
      localAddress6: `fd00:231:${net}::2`,
    });
  await world.drop('moves', spec(1));
  await world.untilReady('moves');
  const run = await world.invocation('moves');
  const diff = await world.host.exec(['nspawnctl', 'diff', '-'], {
    input: `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: {name: moves}\nspec: ${JSON.stringify(spec(2))}\n`,
    reject: false,
  });
  assert.equal(diff.exitCode, 1);
  assert.match(diff.stdout, /localAddress.*live|live.*localAddress/s);

  await world.drop('moves', spec(2));
  await eventually(
    async () => (await world.pings('10.231.2.2')) && (await world.pings('fd00:231:2::2')),
    FOR_A_MINUTE,
  );
  await eventually(async () => {
    const seen = [
      await world.sh('sh', '-c', 'ip address show ve-moves; ip route; ip -6 route'),
      await world.amongGuest('moves', ['sh', '-c', 'ip address; ip route; ip -6 route']),
      await world.host.readFile('/etc/hosts'),
      await world.sh('nft', 'list', 'table', 'inet', 'nspawnd'),
    ].join('\n');
    assert.doesNotMatch(seen, /10\.231\.1\.|fd00:231:1:/);
    assert.match(seen, /10\.231\.2\.2 moves\.containers/);
    return true;
  }, FOR_A_MINUTE);
  await world.amongGuest('moves', ['ping', '-c1', '-W5', '10.231.2.1']);
  assert.equal(await world.invocation('moves'), run);
  assert.equal((await world.get('moves'))?.metadata.generation, 2);
});

test('two containers swap their addresses in one commit, without a restart', async () => {
  const commit = (left: number, right: number) => {
    const text = (name: string, net: number) =>
      manifestText(
        name,
        sleeper({
          privateNetwork: true,
          hostAddress: '10.231.9.1',
          localAddress: `10.231.9.${net}`,
          hostAddress6: 'fd00:231:9::1',
          localAddress6: `fd00:231:9::${net}`,
        }),
      );
    return world.host.writeManifest('pair.yaml', `${text('left', left)}---\n${text('right', right)}`);
  };
  await commit(2, 3);
  await world.untilReady('left', 'right');
  const runs = [await world.invocation('left'), await world.invocation('right')];
  await commit(3, 2);
  await eventually(async () => {
    assert.match(await world.amongGuest('left', ['ip', '-o', '-4', 'address']), /10\.231\.9\.3\/32/);
    assert.match(await world.amongGuest('right', ['ip', '-o', '-4', 'address']), /10\.231\.9\.2\/32/);
    for (const address of ['10.231.9.3', 'fd00:231:9::3'])
      assert.match(await world.sh('ip', 'route', 'get', address), /ve-left/);
    for (const address of ['10.231.9.2', 'fd00:231:9::2'])
      assert.match(await world.sh('ip', 'route', 'get', address), /ve-right/);
    for (const address of ['10.231.9.2', '10.231.9.3', 'fd00:231:9::2', 'fd00:231:9::3'])
      assert.ok(await world.pings(address), address);
    return true;
  }, FOR_A_MINUTE);
  assert.deepEqual([await world.invocation('left'), await world.invocation('right')], runs);
});

test('an edit that takes a restart restarts, unless restartIfChanged is false: then it is asked for', async () => {
  const spec = (edition: string, more = {}) => sleeper({ environment: { EDITION: edition }, ...more });
  const left = { restartIfChanged: false };
  await world.drop('follows', spec('first'));
  await world.drop('waits', spec('first', left));
  await world.untilReady('follows', 'waits');
  const runs = [await world.invocation('follows'), await world.invocation('waits')] as const;
  await world.drop('follows', spec('second'));
  await world.drop('waits', spec('second', left));
  await untilOtherRun('follows', runs[0]);
  assert.equal((await payloadEnvironment(world, 'follows')).get('EDITION'), 'second');
  await world.untilEvent('follows', 'Restarting', /takes a restart/);

  const required = await world.until('waits', 'RestartRequired', 'True', 'SpecChanged');
  assert.match(required.message, /environment[\s\S]*nspawnctl restart waits/);
  assert.equal(await world.invocation('waits'), runs[1]);
  assert.equal((await payloadEnvironment(world, 'waits')).get('EDITION'), 'first');
  assert.equal((await world.ctl('restart', 'waits')).exitCode, 0);
  assert.equal((await payloadEnvironment(world, 'waits')).get('EDITION'), 'second');
  await eventually(
    async () => (await world.condition('waits', 'RestartRequired')) === undefined,
    FOR_A_MINUTE,
  );
  assert.equal((await world.get('follows'))?.status.restarts, 0);
});

test('touching, commenting and re-ordering a manifest changes nothing', async () => {
  await world.drop('same', sleeper({ environment: { A: '1', B: '2' } }));
  await world.untilReady('same');
  const run = await world.invocation('same');
  await world.host.writeManifest(
    'renamed.yaml',
    `# a comment\nkind: Container\nmetadata: {name: same}\nspec:\n  environment: {B: "2", A: "1"}\n` +
      `  command: [/bin/sleep, infinity]\n  volatile: overlay\n  root: /var/lib/machines/base\napiVersion: nspawnd.io/v1alpha1\n`,
  );
  await world.remove('same');
  await eventually(
    async () => /renamed\.yaml/.test((await world.condition('same', 'ManifestValid'))?.message ?? ''),
    FOR_A_MINUTE,
  );
  await world.untilReady('same');
  assert.equal(await world.invocation('same'), run);
  assert.equal((await world.get('same'))?.metadata.generation, 1);
});

test('a changed timeout is taken without a restart, and holds from the next start on', async () => {
  await world.drop('patient', sleeper({ timeoutStopSec: 90, timeoutStartSec: 90 }));
  await world.untilReady('patient');
  const run = await world.invocation('patient');
  await world.drop('patient', sleeper({ timeoutStopSec: '7s', timeoutStartSec: '2min' }));
  await eventually(async () => (await world.get('patient'))?.metadata.generation === 2, FOR_A_MINUTE);
  await world.untilReady('patient');
  assert.equal(await world.condition('patient', 'RestartRequired'), undefined);
  assert.equal(await world.invocation('patient'), run);
  assert.equal((await world.ctl('restart', 'patient')).exitCode, 0);
  assert.equal(await world.unit('patient', 'TimeoutStopUSec'), '7s');
  assert.equal(await world.unit('patient', 'TimeoutStartUSec'), '2min');
});

test('volatile says what of the tree outlives a run', async () => {
  const write = (path: string) => `(echo written > ${path}) 2> /dev/null`;
  const script = `${write('/etc/mark')}; ${write('/var/mark')}; echo written > /dev/shm/end; exec sleep 9999`;
  const command = ['/bin/sh', '-c', script];
  const modes = ['no', 'state', 'overlay', 'yes'] as const;
  const root = (mode: string) => `/var/lib/machines/tree-${mode}`;
  for (const mode of modes) await world.sh('cp', '-al', '/var/lib/machines/base', root(mode));
  for (const mode of modes)
    await world.drop(`mode-${mode}`, { root: root(mode), volatile: mode, command, restartPolicy: 'Never' });
  const names = modes.map(mode => `mode-${mode}`);
  await world.untilReady(...names);
  await Promise.all(names.map(name => payloadWrote(world, name, '/dev/shm/end')));
  const inside = async (mode: string, path: string) => {
    const leader = await world.leader(`mode-${mode}`);
    return (await world.exits('test', '-e', `/proc/${leader}/root${path}`)) === 0;
  };
  const seen = Object.fromEntries(
    await Promise.all(
      modes.map(async mode => {
        const etc = await inside(mode, '/etc/mark');
        const variable = await inside(mode, '/var/mark');
        const kept = await Promise.all(
          ['/etc/mark', '/var/mark'].map(
            async path => (await world.exits('test', '-e', `${root(mode)}${path}`)) === 0,
          ),
        );
        return [mode, { etc, variable, kept }] as const;
      }),
    ),
  );
  assert.deepEqual(seen, {
    no: { etc: true, variable: true, kept: [true, true] },
    state: { etc: false, variable: true, kept: [false, false] },
    overlay: { etc: true, variable: true, kept: [false, false] },
    yes: { etc: true, variable: true, kept: [false, false] },
  });
});

const FOR_A_MINUTE = { timeoutMs: 60_000 };

/** With a `command` it counts as started when nspawn has begun it, a moment before the command itself is there. */
async function untilInEdition(edition: string): Promise<void> {
  await eventually(
    async () => (await payloadEnvironment(world, 'by-hand')).get('EDITION') === edition,
    FOR_A_MINUTE,
  );
}

async function untilOtherRun(name: string, before: string): Promise<void> {
  await eventually(
    async () => {
      assert.equal(await world.unit(name, 'ActiveState'), 'active');
      const now = await world.invocation(name);
      return now !== '' && now !== before;
    },
    { timeoutMs: 90_000, describe: `another run of ${name}` },
  );
  await world.untilReady(name);
}
