import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { guest, NO_RELIST, sleeper, useWorld } from './world.ts';

const world = useWorld();

test('a guest has its network on both sides and in both families before its first instruction', async () => {
  const firstInstructions = `
    ping -c1 -W5 10.231.1.1 > /dev/null && echo ipv4
    ping -c1 -W5 fd00:231:1::1 > /dev/null && echo ipv6
    ip route get 192.0.2.1 | grep -q 'via 10.231.1.1 ' && echo default4
    ip route get 2001:db8::1 | grep -q 'via fd00:231:1::1 ' && echo default6
    timeout 1 nc -6 -l fd00:231:1::2 7000; [ $? = 124 ] && echo bound`;
  await world.drop(
    'first',
    sleeper({
      ...network(1),
      command: ['/bin/sh', '-c', `(${firstInstructions}) > /tmp/seen; exec sleep 9999`],
    }),
  );
  await makeEarlyTree();
  await world.drop('boots', guest({ ...network(2), root: EARLY }));
  await world.untilReady('first', 'boots');
  await eventually(
    async () =>
      assert.equal(
        await world.amongGuest('first', ['cat', '/tmp/seen']),
        'ipv4\nipv6\ndefault4\ndefault6\nbound',
      ) ?? true,
    { timeoutMs: 60_000, describe: 'what the guest saw first' },
  );
  // The first unit of this guest binds its addresses: there is no second try in it.
  assert.equal(
    await world.inGuest('boots', ['systemctl', 'show', '-P', 'Result', 'early.socket']),
    'success',
  );
  assert.equal(await world.sh('nc', '-w5', '10.231.2.2', '7000'), 'early');
  assert.equal(await world.sh('nc', '-w5', 'fd00:231:2::2', '7000'), 'early');
});

test('guests reach each other by name in both families', async () => {
  const before = await world.sh('sysctl', '-n', 'net.ipv6.conf.all.forwarding');
  await world.drop('alice', sleeper(network(1)));
  await world.drop('bob', sleeper(network(2)));
  await world.untilReady('alice', 'bob');
  // IPv6 through the host is not turned on unless asked: the administrator asks.
  assert.equal(await world.sh('sysctl', '-n', 'net.ipv6.conf.all.forwarding'), before);
  await world.sh('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1');
  for (const [from, to] of [
    ['alice', 'bob'],
    ['bob', 'alice'],
  ] as const) {
    await eventually(
      async () => (await world.amongGuest(from, ['cat', '/etc/hosts'])).includes(`${to}.containers`),
      {
        timeoutMs: 60_000,
        describe: `${from} to know ${to}`,
      },
    );
    await world.amongGuest(from, ['ping', '-4', '-c1', '-W5', `${to}.containers`]);
    await world.amongGuest(from, ['ping', '-6', '-c1', '-W5', `${to}.containers`]);
  }
  await world.sh('sysctl', '-qw', `net.ipv6.conf.all.forwarding=${before}`);
});

test('a guest may do with its network exactly what --network-veth would let it do', async () => {
  const probe = ['/bin/sh', '-c', `(${PROBE}) > /tmp/report 2>&1; echo end >> /tmp/report; exec sleep 9999`];
  await world.drop('ours', sleeper({ ...network(1), command: probe }));
  await world.sh(
    ...['systemd-run', '--quiet', '--collect', '--unit=plain', '--property=KillMode=mixed'],
    ...['systemd-nspawn', '--quiet', '--keep-unit', '--settings=no', '--machine=plain', '--link-journal=no'],
    ...[
      '--directory=/var/lib/machines/base',
      '--volatile=overlay',
      '--network-veth',
      '--as-pid2',
      '--',
      ...probe,
    ],
  );
  try {
    await world.untilReady('ours');
    const [ours, plain] = await Promise.all(['ours', 'plain'].map(reportOf));
    assert.equal(ours, plain);
    assert.match(ours ?? '', /^link veth: yes$/m);
    assert.match(ours ?? '', /^write net\/ipv4\/ip_forward: yes$/m);
    assert.match(ours ?? '', /^write kernel\/.*: no$/m);
  } finally {
    await world.exits('systemctl', 'stop', 'plain');
  }
});

test("a guest that takes its neighbour's address gets nothing through, in neither family, whatever rp_filter says", async () => {
  await world.drop('honest', sleeper(network(1)));
  await world.drop('thief', sleeper({ ...network(2) }));
  await world.untilReady('honest', 'thief');
  for (const address of ['10.231.1.2/32', 'fd00:231:1::2/128'])
    await world.amongGuest('thief', ['ip', 'address', 'add', address, 'dev', 'eth0', ...nodad(address)]);
  const rpFilter = await world.sh('sysctl', '-n', 'net.ipv4.conf.all.rp_filter');
  try {
    for (const strictness of [rpFilter, '2']) {
      await world.sh('sysctl', '-qw', `net.ipv4.conf.all.rp_filter=${strictness}`);
      const heard = await hear(async (send, untilHeard) => {
        // The neighbours have to know each other, or the stolen packets would never leave the guest.
        await untilHeard('own4', '10.231.2.2', '10.231.2.1');
        await untilHeard('own6', 'fd00:231:2::2', 'fd00:231:2::1');
        await send('stolen4', '10.231.1.2', '10.231.2.1');
        await send('stolen6', 'fd00:231:1::2', 'fd00:231:2::1');
        await untilHeard('last4', '10.231.2.2', '10.231.2.1');
        await untilHeard('last6', 'fd00:231:2::2', 'fd00:231:2::1');
      });
      assert.deepEqual(heard, ['last4', 'last6', 'own4', 'own6'], `with all.rp_filter=${strictness}`);
    }
  } finally {
    await world.sh('sysctl', '-qw', `net.ipv4.conf.all.rp_filter=${rpFilter}`);
  }
});

test('what is deleted of the network by hand comes back under the running guest, and without a re-list', async () => {
  await world.withOptions(NO_RELIST, async () => {
    await world.drop('drifts', sleeper(network(1)));
    await world.untilReady('drifts');
    const run = await world.invocation('drifts');
    const onHost = (command: string) => world.sh('sh', '-ec', command);
    const inside = (command: string) => world.amongGuest('drifts', ['sh', '-ec', command]);
    const accidents: readonly (readonly [string, () => Promise<string>])[] = [
      ['host address', () => onHost('ip address del 10.231.1.1/32 dev ve-drifts')],
      ['host IPv6 address', () => onHost('ip address del fd00:231:1::1/128 dev ve-drifts')],
      ['host routes', () => onHost('ip route del 10.231.1.2; ip -6 route del fd00:231:1::2 dev ve-drifts')],
      ['host link down', () => onHost('ip link set ve-drifts down')],
      ['guest addresses', () => inside('ip address flush dev eth0')],
      ['guest default route', () => inside('ip route del default; ip -6 route del default')],
      ['guest routes', () => inside('ip route flush dev eth0; ip -6 route flush dev eth0')],
      ['guest link down', () => inside('ip link set eth0 down')],
      ['host link', () => onHost('ip link del ve-drifts')],
      ['guest link', () => inside('ip link del eth0')],
      ['name of the namespace', () => onHost('ip netns del drifts')],
      ['guest address after its namespace got its name back', () => inside('ip address flush dev eth0')],
    ];
    for (const [what, happen] of accidents) {
      await happen();
      await eventually(async () => (await isConnected('drifts', 1)) && (await isNamed('drifts')), {
        timeoutMs: 60_000,
        describe: `the network after: ${what}`,
      });
      assert.equal(await world.invocation('drifts'), run, what);
    }
    await world.untilEvent('drifts', 'NetworkMended');
  });
});

test('the network comes back also under a guest whose root is not to be found any more', async () => {
  const root = '/srv/unmounted';
  await world.sh('sh', '-ec', `mkdir ${root}; mount --bind /var/lib/machines/base ${root}`);
  await world.drop('rootless', sleeper({ ...network(1), root }));
  await world.untilReady('rootless');
  const run = await world.invocation('rootless');
  await world.sh('sh', '-ec', `umount --lazy ${root}; rmdir ${root}; ip route del 10.231.1.2`);
  await eventually(() => isConnected('rootless', 1), FOR_A_MINUTE);
  assert.equal(await world.invocation('rootless'), run);
});

test('a namespace that was replaced by another of its name takes a restart, and an event says so', async () => {
  await world.drop('swapped', sleeper(network(1)));
  await world.untilReady('swapped');
  const run = await world.invocation('swapped');
  // Between the two nspawnd would have begun to mend it, and its name would be gone from under `ip`.
  await world.whileHeld(() => world.sh('sh', '-ec', 'ip netns del swapped; ip netns add swapped'));
  await world.untilEvent('swapped', 'Restarting', /another network namespace/);
  await eventually(async () => {
    assert.notEqual(await world.invocation('swapped'), run);
    return (await isConnected('swapped', 1)) && (await isNamed('swapped'));
  }, FOR_A_MINUTE);
  assert.equal((await world.get('swapped'))?.status.restarts, 0);
});

test('a namespace and a link of somebody else are reported and left alone, and no longer in the way when they go', async () => {
  await world.sh('ip', 'netns', 'add', 'taken-ns');
  await world.sh('ip', 'link', 'add', 've-taken-link', 'type', 'veth', 'peer', 'name', 'theirs');
  const theirs = () =>
    world.sh('sh', '-c', 'stat -L -c %i /run/netns/taken-ns; ip -o link show ve-taken-link | cut -d: -f1,2');
  const before = await theirs();
  await world.drop('taken-ns', sleeper(network(1)));
  await world.drop('taken-link', sleeper(network(2)));
  await world.until('taken-ns', 'Stalled', 'True', 'ForeignNamespace');
  await world.until('taken-link', 'Stalled', 'True', 'ForeignLink');
  assert.equal(await theirs(), before);

  await world.remove('taken-ns');
  await world.remove('taken-link');
  await Promise.all([world.untilGone('taken-ns'), world.untilGone('taken-link')]);
  assert.equal(await theirs(), before);

  await world.drop('taken-ns', sleeper(network(1)));
  await world.drop('taken-link', sleeper(network(2)));
  await world.until('taken-ns', 'Stalled', 'True', 'ForeignNamespace');
  await world.until('taken-link', 'Stalled', 'True', 'ForeignLink');
  await world.sh('ip', 'netns', 'del', 'taken-ns');
  await world.sh('ip', 'link', 'del', 've-taken-link');
  await world.untilReady('taken-ns', 'taken-link');
  assert.ok(await isConnected('taken-ns', 1));
  assert.ok(await isConnected('taken-link', 2));
});

test('a link that was cut off in its making is finished, and not taken for somebody else’s', async () => {
  const spec = sleeper({ privateNetwork: true, hostAddress: '10.231.9.1', localAddress: '10.231.9.2' });
  await world.drop('half', spec);
  await world.untilReady('half');
  const address = (await world.sh('cat', '/sys/class/net/ve-half/address')).trim();
  await world.remove('half');
  await world.untilGone('half');

  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.sh('sh', '-c', 'mkdir -p /run/nspawnd/sandboxes && touch /run/nspawnd/sandboxes/half');
  await world.sh('ip', 'netns', 'add', 'half');
  const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', 'half'];
  await world.sh('ip', 'link', 'add', 've-half', 'address', address, ...pair);
  await world.drop('half', spec);
  await world.sh('systemctl', 'start', 'nspawnd');
  await world.untilReady('half');
  assert.ok(await world.pings('10.231.9.2'));
  assert.match(await world.sh('ip', 'link', 'show', 've-half'), /alias nspawnd:half/);
});

test('long names that differ only at their end get links of their own, found by their full names', async () => {
  const names = ['a-long-name-for-a-container-one', 'a-long-name-for-a-container-two'];
  await world.drop(names[0] ?? '', sleeper(network(1)));
  await world.drop(names[1] ?? '', sleeper(network(2)));
  await world.untilReady(...names);
  const indices = await Promise.all(names.map(name => world.sh('ip', '-o', 'link', 'show', `ve-${name}`)));
  assert.notEqual(indices[0]?.split(':')[0], indices[1]?.split(':')[0]);
  assert.ok(await isConnected(names[0] ?? '', 1));
  assert.ok(await isConnected(names[1] ?? '', 2));
});

test('each side may be given alone, and a host address may be shared', async () => {
  await world.drop('only-host', sleeper({ privateNetwork: true, hostAddress: '10.231.5.1' }));
  await world.drop('only-local', sleeper({ privateNetwork: true, localAddress: '10.231.6.2' }));
  await world.drop('bare', sleeper({ privateNetwork: true }));
  const shared = { privateNetwork: true, hostAddress: '10.231.7.1', hostAddress6: 'fd00:231:7::1' };
  await world.drop(
    'shares-one',
    sleeper({ ...shared, localAddress: '10.231.7.2', localAddress6: 'fd00:231:7::2' }),
  );
  await world.drop(
    'shares-two',
    sleeper({ ...shared, localAddress: '10.231.7.3', localAddress6: 'fd00:231:7::3' }),
  );
  await world.untilReady('only-host', 'only-local', 'bare', 'shares-one', 'shares-two');

  assert.match(await world.sh('ip', '-o', 'address', 'show', 've-only-host'), /10\.231\.5\.1\/32/);
  assert.match(await world.amongGuest('only-host', ['ip', 'route']), /^default via 10\.231\.5\.1 dev eth0/m);
  assert.match(await world.sh('ip', 'route', 'get', '10.231.6.2'), /dev ve-only-local/);
  assert.match(await world.amongGuest('only-local', ['ip', '-o', 'address']), /eth0 +inet 10\.231\.6\.2\/32/);
  assert.match(await world.amongGuest('bare', ['ip', '-o', 'link']), /eth0.*LOWER_UP/);

  const reaches = (name: string) =>
    world.amongGuest(name, ['sh', '-c', 'ping -c1 -W5 10.231.7.1 && ping -c1 -W5 fd00:231:7::1']);
  await reaches('shares-one');
  await reaches('shares-two');
  await world.remove('shares-one');
  await world.untilGone('shares-one');
  await reaches('shares-two');
  assert.ok(await world.pings('10.231.7.3'));
  assert.ok(await world.pings('fd00:231:7::3'));
});

test('the host forwards IPv6 everywhere only when nspawnd is asked for it', async () => {
  const forwarding = () => world.sh('sysctl', '-n', 'net.ipv6.conf.all.forwarding');
  await world.drop('forwards', sleeper(network(1)));
  await world.untilReady('forwards');
  assert.equal(await forwarding(), '0');
  await world.withOptions(['--ipv6-forwarding'], async () => {
    await eventually(async () => (await forwarding()) === '1', FOR_A_MINUTE);
    assert.ok(await isConnected('forwards', 1));
  });
  await world.sh('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0');
});

test('privateNetwork may be turned off and on again', async () => {
  await world.drop('turns', sleeper(network(1)));
  await world.untilReady('turns');
  const isPrivate = async () =>
    (await world.amongGuest('turns', ['readlink', '/proc/self/ns/net'])) !==
    (await world.sh('readlink', '/proc/self/ns/net'));
  assert.ok(await isPrivate());

  await world.drop('turns', sleeper());
  await eventually(async () => !(await isPrivate()), FOR_A_MINUTE);
  await eventually(async () => {
    assert.equal(await world.sh('ip', 'netns', 'list'), '');
    assert.notEqual(await world.exits('ip', 'link', 'show', 've-turns'), 0);
    return true;
  }, FOR_A_MINUTE);
  await world.untilReady('turns');

  await world.drop('turns', sleeper(network(1)));
  await eventually(async () => (await isPrivate()) && (await isConnected('turns', 1)), FOR_A_MINUTE);
});

test('addresses outlive a killed nspawn, and the next run finds nothing of the last one in its namespace', async () => {
  await world.drop('crashes', sleeper({ ...network(1), restartPolicy: 'Never' }));
  await world.untilReady('crashes');
  await world.amongGuest('crashes', ['ip', 'link', 'add', 'junk', 'type', 'veth', 'peer', 'name', 'junk2']);
  await world.sh('kill', '-9', String(await world.mainPid('crashes')));
  await world.until('crashes', 'Ready', 'False', 'Failed');
  assert.match(await world.sh('ip', '-o', 'address', 'show', 've-crashes'), /10\.231\.1\.1\/32/);
  // The one for the next run is made meanwhile, and for a moment there is none.
  await eventually(
    async () => /eth0 +inet6 fd00:231:1::2\/128/.test(await world.sh('ip', '-n', 'crashes', '-o', 'address')),
    { timeoutMs: 30_000, describe: 'the addresses of the next run' },
  );

  assert.equal((await world.ctl('start', 'crashes')).exitCode, 0);
  assert.ok(await isConnected('crashes', 1));
  assert.doesNotMatch(await world.amongGuest('crashes', ['ip', '-o', 'link']), /junk/);
});

const EARLY = '/var/lib/machines/early';
const FOR_A_MINUTE = { timeoutMs: 60_000 };

/** Both families on both sides, in a net of its own. */
function network(net: number): Readonly<Record<string, unknown>> {
  return {
    privateNetwork: true,
    hostAddress: `10.231.${net}.1`,
    localAddress: `10.231.${net}.2`,
    hostAddress6: `fd00:231:${net}::1`,
    localAddress6: `fd00:231:${net}::2`,
  };
}

/** From both sides, in both families. */
async function isConnected(name: string, net: number): Promise<boolean> {
  const ping = (address: string) => `ping -c1 -W1 ${address} > /dev/null`;
  const outward = `${ping(`10.231.${net}.1`)} && ${ping(`fd00:231:${net}::1`)}`;
  const inward = `${ping(`10.231.${net}.2`)} && ${ping(`fd00:231:${net}::2`)}`;
  if ((await world.exits('sh', '-c', inward)) !== 0) return false;
  await world.amongGuest(name, ['sh', '-c', outward]);
  return true;
}

/** The namespace has its name, and it is the guest's. */
async function isNamed(name: string): Promise<boolean> {
  const [byName, ofGuest] = await Promise.all([
    world.sh('ip', 'netns', 'exec', name, 'readlink', '/proc/self/ns/net'),
    world.amongGuest(name, ['readlink', '/proc/self/ns/net']),
  ]);
  return byName === ofGuest;
}

type Send = (text: string, from: string, to: string) => Promise<void>;

/** Which texts reach a socket of the host while `act` sends datagrams to it from the guest `thief`. */
async function hear(act: (send: Send, untilHeard: Send) => Promise<void>): Promise<readonly string[]> {
  const script = 'nc -4 -d -u -l -k 7001 >> /tmp/heard & nc -6 -d -u -l -k 7001 >> /tmp/heard & wait';
  const heard = async () => [...new Set((await world.host.readFile('/tmp/heard')).trim().split('\n'))].sort();
  const send: Send = async (text, from, to) => {
    await world.amongGuest('thief', ['sh', '-c', `echo ${text} | nc -u -w1 -s ${from} ${to} 7001`]);
  };
  const untilHeard: Send = async (text, from, to) => {
    await eventually(
      async () => {
        await send(text, from, to);
        return (await heard()).includes(text);
      },
      { timeoutMs: 60_000, describe: `${text} to arrive` },
    );
  };
  await world.sh('sh', '-c', ': > /tmp/heard');
  await world.sh('systemd-run', '--quiet', '--collect', '--unit=ear', 'sh', '-c', script);
  try {
    await eventually(
      async () => (await world.sh('ss', '-Hlun', 'sport', '=', '7001')).split('\n').length === 2,
      FOR_A_MINUTE,
    );
    await act(send, untilHeard);
    return await heard();
  } finally {
    await world.sh('systemctl', 'stop', 'ear');
  }
}

function nodad(address: string): readonly string[] {
  return address.includes(':') ? ['nodad'] : [];
}

/** What the probe wrote, once it has ended; the link's name is the one thing that may differ. */
async function reportOf(name: string): Promise<string> {
  return eventually(
    async () => {
      const report = await world.amongGuest(name, ['cat', '/tmp/report']);
      assert.match(report, /^end$/m);
      return report.replaceAll('host0', 'eth0');
    },
    { timeoutMs: 60_000, describe: `the report of ${name}` },
  );
}

/** Runs as the guest's own process, so with its powers. */
const PROBE = `
  try() { what=$1; shift; if "$@" > /dev/null 2>&1; then echo "$what: yes"; else echo "$what: no"; fi; }
  rewrite() { cat "/proc/sys/$1" > /tmp/value && cat /tmp/value > "/proc/sys/$1"; }
  grep -E '^(Cap|NoNewPrivs)' /proc/self/status
  for path in net/ipv4/ip_forward net/ipv4/conf/all/rp_filter net/ipv4/ping_group_range net/ipv6/conf/all/forwarding \\
    net/core/somaxconn kernel/domainname kernel/core_pattern vm/swappiness fs/file-max; do
    try "write $path" rewrite "$path"
  done
  ls /sys/class/net | sort
  for type in veth dummy bridge; do try "link $type" ip link add "p-$type" type "$type"; done
  try address ip address add 10.99.0.1/32 dev lo
  try route ip route add 10.99.0.2 dev lo
  try rule ip rule add from 10.99.0.3 table 99
  try namespace unshare --net true
  try ping ping -c1 -W5 127.0.0.1
  cat /proc/sys/net/ipv4/ping_group_range
  try nft sh -c 'command -v nft && nft add table inet probe'
  cat /etc/resolv.conf || echo no resolv.conf
  awk '$5 ~ "^/(proc|sys)" { split($6, options, ","); print $5, options[1] }' /proc/self/mountinfo | sort`;

/** The base tree by hard links, with a socket unit that binds the guest's addresses before everything else. */
async function makeEarlyTree(): Promise<void> {
  const script = `
    cp -al /var/lib/machines/base "$1"
    cd "$1/etc/systemd/system"
    printf '%s\\n' '[Unit]' DefaultDependencies=no 'Before=sysinit.target' '[Socket]' Accept=yes \\
      'ListenStream=10.231.2.2:7000' 'ListenStream=[fd00:231:2::2]:7000' > early.socket
    printf '%s\\n' '[Unit]' DefaultDependencies=no '[Service]' 'ExecStart=/bin/echo early' StandardOutput=socket \\
      > early@.service
    mkdir -p sysinit.target.wants
    ln -s ../early.socket sysinit.target.wants/`;
  await world.sh('sh', '-ec', script, 'make-early-tree', EARLY);
}
