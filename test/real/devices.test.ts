import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { payloadEnvironment, payloadWrote } from './payload.ts';
import { sleeper, useWorld } from './world.ts';

/**
 * Interfaces of the host in guests, shared as macvlans or given whole. A test host has no hardware: `lan0`, `lan1` are ends
 * of pairs, which are harder, because the kernel does not give a virtual interface back, it lets it die with its namespace.
 */
const world = useWorld();

afterEach(async () => {
  await world.sh(
    'sh',
    '-c',
    'for link in lan0 lan1 very-long-lan0; do ip link del $link 2>/dev/null; done; true',
  );
});

test('a macvlan is in the guest before it runs, called and made as --network-macvlan does, and carries frames', async () => {
  await makeLan('lan0', '10.240.0.1/24');
  await makeLan('very-long-lan0');
  const probe = ['/bin/sh', '-c', 'ip -d -o link show type macvlan > /tmp/first; exec sleep 9999'];
  await world.drop('shares', sleeper({ macvlans: ['lan0', 'very-long-lan0'], command: probe }));
  await world.untilReady('shares');
  const seen = await payloadWrote(world, 'shares', '/tmp/first', /\n./);
  await world.amongGuest('shares', ['ip', 'address', 'add', '10.240.0.2/24', 'dev', 'mv-lan0']);
  await world.amongGuest('shares', ['ip', 'link', 'set', 'mv-lan0', 'up']);
  await world.amongGuest('shares', ['ping', '-c1', '-W5', '10.240.0.1']);
  assert.match(seen, /alias nspawnd:shares/);
  // nspawn's own is lost on the way into the guest.
  assert.match(seen, /altname mv-very-long-lan0/);

  await world.sh(
    ...['systemd-run', '--quiet', '--collect', '--unit=plain', '--property=KillMode=mixed'],
    ...['systemd-nspawn', '--quiet', '--keep-unit', '--settings=no', '--machine=plain', '--link-journal=no'],
    ...['--directory=/var/lib/machines/base', '--volatile=overlay'],
    ...['--network-macvlan=lan0', '--network-macvlan=very-long-lan0', '--as-pid2', '--', ...probe],
  );
  try {
    const plain = await payloadWrote(world, 'plain', '/tmp/first', /\n./);
    assert.deepEqual(namesAndModes(seen), namesAndModes(plain));
  } finally {
    await world.exits('systemctl', 'stop', 'plain');
  }
});

test('a guest may do with a network of macvlans alone what --network-macvlan lets it do', async () => {
  await makeLan('lan0');
  await world.drop('shares', sleeper({ macvlans: ['lan0'] }));
  await world.untilReady('shares');
  const links = await world.amongGuest('shares', ['ip', '-o', 'link']);
  assert.deepEqual([...links.matchAll(/^\d+: ([^@:]+)/gm)].map(found => found[1]).sort(), ['lo', 'mv-lan0']);
  await world.amongGuest('shares', ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  assert.equal((await payloadEnvironment(world, 'shares')).get('PRIVATE_NETWORK'), '');
  const condition = await world.condition('shares', 'NetworkReady');
  assert.equal(`${condition?.reason} ${condition?.message}`, 'SandboxReady mv-lan0 on lan0');
});

test('an interface is in the guest while it runs, and on the host again whatever ends it', async () => {
  await makeLan('lan0');
  const before = await facts('lan0');
  await world.drop('has', sleeper({ interfaces: ['lan0'] }));
  await world.untilReady('has');
  assert.equal(await isOnHost('lan0'), false);
  const inGuest = await world.amongGuest('has', ['ip', '-o', 'link', 'show', 'lan0']);
  assert.match(inGuest, / lan0@/);

  // kill -9: it goes back, and to the run that follows.
  const run = await world.invocation('has');
  await world.sh('systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', 'container@has');
  await eventually(async () => {
    assert.notEqual(await world.invocation('has'), run);
    return (await world.amongGuest('has', ['ip', '-o', 'link', 'show', 'lan0'])) !== '';
  }, FOR_A_MINUTE);
  await world.untilReady('has');

  await world.ctl('stop', 'has');
  await untilFacts('lan0', before);
  await world.ctl('start', 'has');
  await world.untilReady('has');
  assert.equal(await isOnHost('lan0'), false);
  await world.remove('has');
  await world.untilGone('has');
  await untilFacts('lan0', before);
});

test('an interface comes back as it was, whatever the guest has made of it', async () => {
  await makeLan('lan0');
  const before = await facts('lan0');
  const mischiefs: Readonly<Record<string, string>> = {
    renamed:
      'ip link set lan0 name wan7; ip link set wan7 alias nspawnd:somebody address 02:00:00:00:00:99 mtu 1400',
    'named by bytes that break what reads them': `ip link set lan0 name "$(printf '\\001a\\033"b\\\\')"`,
    'named like another, with one in its place':
      'ip link set lan0 name "$(printf "\\377x")"; ip link add lan0 type bridge; n=$(ip -o link | sed -n "/bridge/d;s/^\\([0-9]*\\): .*@if.*/\\1/p" | head -1); ip link add if$n type bridge',
    'put into a bridge and up':
      'ip link add br7 type bridge; ip link set lan0 master br7 up; ip link set br7 up',
  };
  for (const [what, mischief] of Object.entries(mischiefs)) {
    await world.drop('has', sleeper({ interfaces: ['lan0'] }));
    await world.untilReady('has');
    await world.amongGuest('has', ['sh', '-c', mischief]);
    await world.untilReady('has');
    await world.ctl('stop', 'has');
    await untilFacts('lan0', before, what);
    assert.equal(await world.sh('sh', '-c', 'ls /run/nspawnd/interfaces'), '', what);
    await world.remove('has');
    await world.untilGone('has');
  }
});

test('an interface comes back also when nspawnd was dead while the guest ended, and from a namespace without a name', async () => {
  await makeLan('lan0');
  const before = await facts('lan0');
  await world.drop('has', sleeper({ interfaces: ['lan0'], restartPolicy: 'Never' }));
  await world.untilReady('has');
  await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.sh('systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', 'container@has');
  await eventually(async () => (await world.mainPid('has')) === 0, FOR_A_MINUTE);
  assert.equal(await isOnHost('lan0'), false);
  await world.sh('systemctl', 'start', 'nspawnd');
  await untilFacts('lan0', before);

  // The name of the namespace is deleted under the guest: it is named again before the interface is looked for.
  await world.ctl('start', 'has');
  await world.untilReady('has');
  await world.sh('ip', 'netns', 'del', 'has');
  await eventually(async () => (await world.exits('ip', 'netns', 'exec', 'has', 'true')) === 0, FOR_A_MINUTE);
  await world.ctl('stop', 'has');
  await untilFacts('lan0', before);
});

test('an interface that is not there is waited for; one that another has is said so at once, with both places', async () => {
  await world.drop('waits', sleeper({ interfaces: ['lan0'] }));
  await world.drop('shares', sleeper({ macvlans: ['lan1'] }));
  for (const name of ['waits', 'shares']) await world.until(name, 'Stalled', 'True', 'InterfaceMissing');
  const stalled = await world.condition('waits', 'Stalled');
  assert.match(stalled?.message ?? '', /no network interface lan0; it starts as soon as/);
  await makeLan('lan0');
  await makeLan('lan1');
  await world.untilReady('waits', 'shares');

  await world.drop('late', sleeper({ interfaces: ['lan0', 'lan1'] }));
  await eventually(async () => {
    const { problems } = await world.source();
    const messages = problems.map(({ file, message }) => `${file.split('/').at(-1)}: ${message}`);
    assert.ok(
      messages.some(message =>
        /^late\.yaml: lan0 is in interfaces of "waits" \(.*waits\.yaml:1\)/.test(message),
      ),
      messages.join('\n'),
    );
    assert.ok(
      messages.some(message =>
        /^late\.yaml: lan1 is in macvlans of "shares" \(.*shares\.yaml:1\)/.test(message),
      ),
      messages.join('\n'),
    );
    return true;
  }, FOR_A_MINUTE);
  // It is taken as soon as the one that has it lets go, without a restart of anything.
  await world.remove('waits');
  await world.remove('shares');
  await world.untilReady('late');
});

test('an interface that only comes up a while after a boot of the host is waited for there too', async () => {
  const unit = `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'sleep 3; ip link add lan0 type veth peer name lan0p; ip link set lan0 up'\n[Install]\nWantedBy=multi-user.target\n`;
  await world.host.writeFile('/etc/systemd/system/lan.service', unit);
  await world.sh('systemctl', 'daemon-reload');
  await world.sh('systemctl', 'enable', '--now', '--quiet', 'lan');
  await world.drop('has', sleeper({ interfaces: ['lan0'] }));
  await world.untilReady('has');
  await world.host.reboot();
  await world.untilReady('has');
  assert.equal(await isOnHost('lan0'), false);
  await world.remove('has');
  await world.untilGone('has');
  assert.equal(await isOnHost('lan0'), true);
  await world.sh('systemctl', 'disable', '--quiet', 'lan');
});

test('further options of nspawn reach it as they were written', async () => {
  const value = 'two  words, $HOME 100% %n "quoted" \\n ; #';
  await world.drop(
    'flagged',
    sleeper({
      extraFlags: ['--hostname=other-name', `--setenv=GREETING=${value}`, '--bind-ro=/usr/share:/mnt'],
    }),
  );
  await world.untilReady('flagged');
  assert.equal(await world.amongGuest('flagged', ['hostname']), 'other-name');
  assert.equal((await payloadEnvironment(world, 'flagged')).get('GREETING'), value);
  await world.amongGuest('flagged', ['test', '-d', '/mnt/doc']);
  const { exitCode, stderr, stdout } = await world.host.exec(['nspawnctl', 'validate', '-'], {
    input:
      'apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: {name: x}\nspec: {root: /srv/x, extraFlags: ["--boot"]}\n',
    reject: false,
  });
  assert.equal(exitCode, 65, stderr);
  assert.match(stdout, /spec\.extraFlags\[0\]: --boot is nspawnd's own to say/);
});

test('systemd-networkd leaves our links alone, and has nothing to say against the file that tells it to', async () => {
  await makeLan('lan0');
  await world.drop(
    'linked',
    sleeper({ privateNetwork: true, hostAddress: '10.231.9.1', macvlans: ['lan0'] }),
  );
  await world.untilReady('linked');
  const addresses = () => world.sh('ip', '-o', 'address', 'show', 'dev', 've-linked', 'scope', 'global');
  const before = await addresses();
  await world.sh('systemctl', 'start', 'systemd-networkd');
  try {
    await eventually(
      async () => {
        const list = await world.sh('networkctl', 'list', '--no-legend', 've-linked');
        assert.match(list, /ve-linked\s.*unmanaged/);
        return true;
      },
      { timeoutMs: 60_000, describe: 'networkd to know our link' },
    );
    // A macvlan is made in the guest's namespace: the host's networkd never sees one.
    assert.doesNotMatch(await world.sh('networkctl', 'list', '--no-legend'), /mv-/);
    assert.equal(await addresses(), before);
    const said = await world.sh('journalctl', '-b', '--no-pager', '-o', 'cat', '-u', 'systemd-networkd');
    assert.doesNotMatch(said, /nspawnd/);
  } finally {
    await world.sh('sh', '-c', 'systemctl stop systemd-networkd.socket systemd-networkd 2>/dev/null; true');
  }
});

const FOR_A_MINUTE = { timeoutMs: 60_000, describe: 'it to happen' };

/** A pair with one end as an interface of the host, up, and the other as what it is connected to. */
async function makeLan(name: string, peerAddress?: string): Promise<void> {
  const peer = `${name.slice(0, 12)}-p`;
  const making = `${name.slice(0, 11)}-new`;
  await world.sh('ip', 'link', 'add', making, 'type', 'veth', 'peer', 'name', peer);
  await world.sh('ip', 'link', 'set', making, 'alias', 'the LAN');
  await world.sh('ip', 'link', 'set', making, 'name', name);
  // A container that waits for this name may have it by now.
  await world.exits('ip', 'link', 'set', name, 'up');
  await world.sh('ip', 'link', 'set', peer, 'up');
  if (peerAddress !== undefined) await world.sh('ip', 'address', 'add', peerAddress, 'dev', peer);
}

async function isOnHost(name: string): Promise<boolean> {
  return (await world.exits('ip', 'link', 'show', 'dev', name)) === 0;
}

/** What must be the same when it comes back. */
async function facts(name: string): Promise<string> {
  const [link] = JSON.parse(await world.sh('ip', '-json', 'link', 'show', 'dev', name)) as {
    ifname: string;
    address: string;
    mtu: number;
    ifalias: string;
    flags: readonly string[];
    master?: string;
  }[];
  assert.ok(link !== undefined);
  const { ifname, address, mtu, ifalias, flags, master = 'none' } = link;
  return `${ifname} ${address} ${mtu} ${ifalias} ${flags.includes('UP') ? 'up' : 'down'} ${master}`;
}

async function untilFacts(name: string, expected: string, what = ''): Promise<void> {
  await eventually(
    async () => {
      assert.equal(await facts(name), expected, what);
      return true;
    },
    { timeoutMs: 60_000, describe: `${name} to be back ${what}` },
  );
}

function namesAndModes(text: string): readonly string[] {
  return text
    .split('\n')
    .map(line => {
      const name = /^\d+: ([^@:]+)/.exec(line)?.[1];
      return `${name} ${/macvlan mode (\w+)/.exec(line)?.[1]} ${/<[^>]*\bUP\b/.test(line)}`;
    })
    .sort();
}
