import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { guest, sleeper, useWorld } from './world.ts';

/** What users of the host and guests can do who mean harm, and that it does none. */
const world = useWorld();

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const NETWORK = { privateNetwork: true, hostAddress: '10.231.150.1', localAddress: '10.231.150.2' };
/** Some 90 bytes each, as `ip` tells them: more than is read. */
const ROUTES = 60_000;

test('a signal that any user may send to nspawnd is none of the host', async () => {
  const pid = await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
  const listed = await world.sh('busctl', '--system', 'list', '--no-legend');
  const name = listed
    .split('\n')
    .map(line => line.split(/\s+/))
    .find(([unique, owner]) => unique?.startsWith(':') && owner === pid)?.[0];
  assert.ok(name !== undefined, listed);
  const signal = ['dbus-send', '--system', `--dest=${name}`, '--type=signal', '/org/freedesktop/login1'];
  await world.sh(...NOBODY, ...signal, 'org.freedesktop.login1.Manager.PrepareForShutdown', 'boolean:true');
  await world.drop('after', sleeper());
  await world.untilReady('after');
});

test('a guest that has more routes than anybody reads is stopped, started and removed all the same', async () => {
  await world.drop('routes', guest(NETWORK));
  await world.untilReady('routes');
  const lines = Array.from(
    { length: ROUTES },
    (_, index) => `route add 11.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32 dev eth0 proto 78`,
  );
  await world.host.exec(['ip', '-netns', 'routes', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  const before = await world.invocation('routes');
  assert.equal(await world.exits('nspawnctl', 'restart', '--timeout', '60s', 'routes'), 0);
  await world.untilReady('routes');
  assert.notEqual(await world.invocation('routes'), before);
  assert.ok(await world.pings('10.231.150.2'));
  assert.equal(await world.exits('nspawnctl', 'stop', '--timeout', '60s', 'routes'), 0);
});

test('a guest that locks its hosts file is in nobody’s way, itself neither', async () => {
  await world.drop('a-lock', guest({ ...NETWORK, localAddress: '10.231.150.3' }));
  await world.drop('b-other', guest({ ...NETWORK, localAddress: '10.231.150.4' }));
  await world.untilReady('a-lock', 'b-other');
  await world.inGuest('a-lock', ['mount', '-o', 'remount,bind,rw', '/etc/hosts']);
  await world.inGuest('a-lock', ['sh', '-c', 'echo 10.0.0.1 mine >>/etc/hosts']);
  await world.sh('chattr', '+i', '/run/nspawnd/guest-hosts/a-lock');
  await world.drop('c-new', guest({ ...NETWORK, localAddress: '10.231.150.5' }));
  await world.untilReady('c-new');
  for (const name of ['a-lock', 'b-other']) {
    const knows = () => world.inGuest(name, ['getent', 'hosts', 'c-new.containers']);
    await eventually(knows, { describe: `${name} to know the new one` });
  }
  await world.sh('chattr', '+i', '/run/nspawnd/guest-hosts/a-lock');
  await world.remove('a-lock');
  await world.untilGone('a-lock');
});

test('the program of the host by which a probe enters a guest cannot be written from there', async () => {
  await world.drop('reads', guest());
  await world.untilReady('reads');
  // Run as what it is in the moment in which it enters: the host's program, which waits for its child.
  await world.inGuest('reads', ['ln', '-s', '/proc/self/exe', '/run/self']);
  await world.startInGuest('reads', 'waits', ['sh', '-c', WRITE_LATER]);
  const command = ['/run/self', '--pid=/proc/self/ns/pid', '--', '/bin/sleep', '2'];
  await world.drop(
    'reads',
    guest({ readinessProbe: { exec: { command }, periodSeconds: 3, timeoutSeconds: 3 } }),
  );
  const said = await eventually(() => world.inGuest('reads', ['grep', '.', '/run/said']), {
    timeoutMs: 60_000,
    describe: 'the guest to have tried',
  });
  assert.match(said, /Read-only file system/);
});

/** Waits for a process of that command line, keeps its program open, and writes to it when nobody runs it any more. */
const WRITE_LATER = `
  while :; do
    for process in /proc/[0-9]*; do
      if tr '\\0' ' ' <$process/cmdline 2>/dev/null | grep -q '^/run/self --pid'; then
        exec 3<$process/exe && break 2
      fi
    done
    sleep 0.1
  done
  while said=$({ true >>/proc/self/fd/3; } 2>&1 || true); do
    case $said in *busy*) sleep 0.1 ;; *) break ;; esac
  done
  echo "\${said:-written}" >/run/said
  sleep infinity`;
