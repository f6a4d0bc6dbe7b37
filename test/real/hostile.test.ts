import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { Tmux } from './tmux.ts';
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

test('who runs something in a guest sends nobody there who may do more than it, and no terminal of ours', async () => {
  await world.host.copyTree('/var/lib/machines/base', '/var/lib/machines/own');
  const extraFlags = ['--private-users=pick', '--private-users-ownership=chown'];
  // Who is held is late.
  const probed = { livenessProbe: { exec: { command: ['true'] }, periodSeconds: 1, failureThreshold: 1000 } };
  await world.drop('own', { root: '/var/lib/machines/own', extraFlags, ...probed });
  await world.drop('shared', guest(probed));
  await world.untilReady('own', 'shared');
  const terminal = await Tmux.open(world, 'hostile');
  for (const name of ['shared', 'own']) {
    const { seen, bounds } = await watchForStrangers(name);
    await comeAndGo(name, terminal);
    await terminal.type('stat -L -c terminal=%d=%r= /proc/self/fd/0');
    const [, device, number] = await terminal.until(/^terminal=(\d+)=(\d+)=$/m);
    const strangers = await eventually(async () => {
      await world.sh('nspawnctl', 'run', '--enter', name, '--', 'sleep', '0.1');
      const lines = await seen();
      assert.notDeepEqual(lines, [], 'whoever comes is seen');
      return lines;
    }, FOR_A_MINUTE);
    for (const stranger of strangers) {
      const [, bounding, effective, ...open] = stranger.split(' ');
      for (const set of [bounding, effective])
        assert.equal(BigInt(`0x${set}`) & ~BigInt(`0x${bounds}`), 0n, `${name} may ${bounds}: ${stranger}`);
      assert.ok(!open.includes(`${device}:${number}`), `${name}: ${stranger}`);
    }
    await world.sh('systemctl', '-M', name, 'stop', 'watches');
  }
  await terminal.close();
});

/** Lets a guest look for who comes among its processes; `seen`: a line for each since then. `bounds`: what it may itself. */
async function watchForStrangers(name: string) {
  const leader = await world.sh('machinectl', 'show', '--value', '-p', 'Leader', name);
  const literal = WATCH_FOR_STRANGERS.replaceAll('$', '$$$$');
  const output = ['-p', 'StandardOutput=file:/run/seen'];
  await world.sh('systemd-run', '--quiet', '-M', name, '--unit=watches', ...output, 'perl', '-e', literal);
  const said = async () => world.sh('cat', `/proc/${leader}/root/run/seen`);
  await eventually(async () => (await said()).includes('watching'), { describe: 'the guest to watch' });
  // Who came for that is none of theirs.
  const from = (await said()).length;
  const bounds = await world.sh('sed', '-n', 's/^CapBnd:\t//p', `/proc/${leader}/status`);
  return { bounds, seen: async () => (await said()).slice(from).split('\n').filter(Boolean) };
}

/** Runs things in a guest by its systemd, in all ways that there are, and lets them end in all. */
async function comeAndGo(name: string, terminal: Tmux): Promise<void> {
  const untilRuns = (line: string) =>
    eventually(async () => (await world.exits('pgrep', '-fx', line)) === 0, FOR_A_MINUTE);
  await terminal.clear();
  for (const time of ['first', 'second', 'third']) {
    await world.sh('nspawnctl', 'run', name, '--', 'true');
    await terminal.type(`nspawnctl run ${name} -- true; echo ${time}=$?`);
    await terminal.until(new RegExp(`^${time}=0$`, 'm'));
  }
  await world.sh('nspawnctl', 'logs', '--guest', '-n', '1', name);
  await terminal.type(`nspawnctl run ${name} -- sleep 99901; echo signalled=$?`);
  await untilRuns('sleep 99901');
  await world.sh('pkill', '-TERM', '-f', 'nspawnctl(.mjs)? run .*99901');
  await terminal.until(/^signalled=143$/m);
  const killed = world.host.spawn(['nspawnctl', 'run', name, '--', 'sleep', '99902'], {
    reject: false,
    stdin: 'ignore',
  });
  await untilRuns('sleep 99902');
  await world.sh('pkill', '-KILL', '-f', '^[^ ]*node [^ ]*nspawnctl(.mjs)? run .*99902');
  await killed;
  await eventually(async () => (await world.exits('pgrep', '-fx', 'sleep 99902')) !== 0, FOR_A_MINUTE);
}

const FOR_A_MINUTE = { timeoutMs: 60_000, everyMs: 100 };

/**
 * In a guest: whoever comes among its processes from outside has no parent there. Says what they may, and what they have open
 * (device and number, where they are devices). Waits for the number that the next process gets, and holds who is found.
 */
const WATCH_FOR_STRANGERS = `
  use strict;
  $| = 1;
  opendir my $all, '/proc';
  my ($last) = sort { $b <=> $a } grep /^\\d+$/, readdir $all;
  print "watching\\n";
  while (1) {
    for my $pid ($last + 1 .. $last + 16) {
      open my $file, '<', "/proc/$pid/status" or next;
      $last = $pid;
      next unless join('', <$file>) =~ /^PPid:\\t0$/m;
      kill STOP => $pid;
      open $file, '<', "/proc/$pid/status" or next;
      my %of = join('', <$file>) =~ /^(\\w+):\\t(.*)$/mg;
      my @open = map { my @stat = stat "/proc/$pid/fd/$_"; @stat ? "$stat[0]:$stat[6]" : 'none' } 0 .. 9;
      print "$of{Name} $of{CapBnd} $of{CapEff} @open\\n";
      kill CONT => $pid;
    }
  }`;

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
