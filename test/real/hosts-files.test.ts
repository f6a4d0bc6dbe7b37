import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { inSmallTree, plantTree } from './small-tree.ts';
import { guest, sleeper, useWorld } from './world.ts';

const world = useWorld();
const HOSTS = '/etc/hosts';

test('each container has its lines of both families between the markers; the rest of the file, its mode and its owner stay', async () => {
  const own = '127.0.0.1 localhost\n192.0.2.7 printer # upstairs\n\n# the last line has no newline';
  await world.host.writeFile(HOSTS, own);
  await world.sh('sh', '-ec', `chmod 0640 ${HOSTS}; chown root:adm ${HOSTS}`);
  const mark = await world.sh('stat', '-c', '%a %U %G', HOSTS);
  await world.drop(
    'pair',
    sleeper(link(1, { hostAddress6: 'fd00:136::1', localAddress6: 'fd00:136:0::21' })),
  );
  await world.drop('alias', sleeper(link(2, { hostsAlias: true })));
  await world.drop('on-the-host', sleeper({ localAddress: '192.0.2.44' }));
  await world.drop('nameless', sleeper());
  await world.untilReady('pair', 'alias', 'on-the-host', 'nameless');
  await untilBlockIs([
    '10.231.136.102 alias.containers alias',
    '192.0.2.44 on-the-host.containers',
    '10.231.136.101 pair.containers',
    'fd00:136::21 pair.containers',
  ]);
  assert.ok((await world.host.readFile(HOSTS)).startsWith(`${own}\n# BEGIN nspawnd`));
  assert.equal(await world.sh('stat', '-c', '%a %U %G', HOSTS), mark);
  assert.match(await world.sh('getent', 'ahostsv4', 'pair.containers'), /^10\.231\.136\.101 /);
  assert.match(await world.sh('getent', 'ahostsv6', 'pair.containers'), /^fd00:136::21 /);
  assert.equal(await world.sh('sh', '-c', `ls -A /etc | grep 'hosts.*tmp' || true`), '');

  await Promise.all(['pair', 'alias', 'on-the-host'].map(name => world.remove(name)));
  await untilBlockIs([]);
  assert.equal(await world.host.readFile(HOSTS), `${own}\n`);
  assert.equal(await world.sh('stat', '-c', '%a %U %G', HOSTS), mark);
});

test('nothing is written while nothing changes', async () => {
  await world.drop('quiet', sleeper(link(3)));
  await world.untilReady('quiet');
  await untilBlockIs(['10.231.136.103 quiet.containers']);
  const before = await world.sh('stat', '-c', '%i %Y %Z', HOSTS);
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.drop('other', sleeper());
  await world.untilReady('quiet', 'other');
  assert.equal(await world.sh('stat', '-c', '%i %Y %Z', HOSTS), before);
});

test('a file edited by hand all the time, while containers come and go, loses none of its lines, and the block is right at the end', async () => {
  await world.host.writeFile(HOSTS, '127.0.0.1 localhost\n');
  const LINES = 60;
  const names = ['come-1', 'come-2', 'come-3'];
  // In the middle of the file above the block and at its end, in place and by a rename: as people and tools edit it.
  const editor = world.host.spawn(['sh', '-ec', EDITOR, 'editor', HOSTS, String(LINES)]);
  for (let round = 0; round < 3; round++) {
    await Promise.all(names.map((name, index) => world.drop(name, sleeper(link(10 + 3 * round + index)))));
    await world.untilReady(...names);
    const gone = names[round] ?? '';
    await world.remove(gone);
    await world.untilGone(gone);
  }
  await editor;
  const wanted = ['10.231.136.116 come-1.containers', '10.231.136.117 come-2.containers'];
  await untilBlockIs(wanted);
  const text = await world.host.readFile(HOSTS);
  for (let line = 1; line <= LINES; line++)
    assert.match(text, new RegExp(`^192\\.0\\.2\\.${line} edited-${line}$`, 'm'), `line ${line} of ${LINES}`);
  assert.equal(text.match(/# BEGIN nspawnd/g)?.length, 1);
  assert.equal(text.match(/# END nspawnd/g)?.length, 1);
  assert.match(text, /^127\.0\.0\.1 localhost$/m);

  // Somebody throws the block away, or spoils it.
  await world.host.writeFile(HOSTS, '127.0.0.1 localhost\n');
  await untilBlockIs(wanted);
  await world.sh('sed', '-i', 's/10.231.136.116/192.0.2.99/', HOSTS);
  await untilBlockIs(wanted);
});

test('an /etc/hosts that is a mount is written in place', async () => {
  await world.host.writeFile('/srv/hosts', '127.0.0.1 localhost\n192.0.2.8 mounted\n');
  await world.sh('mount', '--bind', '/srv/hosts', HOSTS);
  try {
    await world.drop('beneath', sleeper(link(4)));
    await world.untilReady('beneath');
    await untilBlockIs(['10.231.136.104 beneath.containers']);
    assert.equal(await world.sh('stat', '-c', '%i', HOSTS), await world.sh('stat', '-c', '%i', '/srv/hosts'));
    assert.match(await world.host.readFile('/srv/hosts'), /^192\.0\.2\.8 mounted\n# BEGIN nspawnd/m);
    assert.ok(await world.pings('beneath.containers'));
    await world.remove('beneath');
    await world.untilGone('beneath');
    await untilBlockIs([]);
    assert.equal(await world.host.readFile('/srv/hosts'), '127.0.0.1 localhost\n192.0.2.8 mounted\n');
  } finally {
    await world.sh('umount', '--lazy', HOSTS);
  }
});

test('an /etc/hosts that cannot be written is told, harms no container, and is written as soon as it can be', async () => {
  await world.host.writeFile('/srv/hosts', '127.0.0.1 localhost\n');
  await world.sh('mount', '--bind', '/srv/hosts', HOSTS);
  try {
    await world.sh('mount', '-o', 'remount,bind,ro', HOSTS);
    await world.drop('nameless', sleeper(link(4)));
    await world.untilReady('nameless');
    const told = await eventually(
      async () => {
        const { stderr } = await world.ctl('get');
        assert.match(stderr, /^names of containers are not up to date: EROFS/m);
        return world.host.exec(['nspawnctl', 'doctor'], { reject: false });
      },
      { describe: 'the names to be missed' },
    );
    assert.equal(told.exitCode, 1);
    assert.match(told.stdout, /the hosts files do not have all names of containers: EROFS/);
    await world.sh('mount', '-o', 'remount,bind,rw', HOSTS);
    await untilBlockIs(['10.231.136.104 nameless.containers']);
    await eventually(async () => (await world.ctl('get')).stderr === '', {
      describe: 'nothing to be missed',
    });
    await world.remove('nameless');
    await world.untilGone('nameless');
    await untilBlockIs([]);
  } finally {
    await world.sh('umount', '--lazy', HOSTS);
  }
});

test('an /etc/hosts that is a link, as some distributions have it, stays one, and no line of what it leads to is lost', async () => {
  const text = '127.0.0.1 localhost\n192.0.2.9 behind-the-link\n';
  await world.host.writeFile('/srv/linked/hosts', text);
  await world.sh('sh', '-ec', `mv ${HOSTS} ${HOSTS}.away; ln -s ../srv/linked/hosts ${HOSTS}`);
  try {
    await world.drop('beyond', sleeper(link(5)));
    await world.untilReady('beyond');
    await eventually(async () => /beyond\.containers/.test(await world.host.readFile('/srv/linked/hosts')), {
      timeoutMs: 60_000,
      describe: 'the name to be in the file behind the link',
    });
    assert.ok((await world.host.readFile('/srv/linked/hosts')).startsWith(text));
    assert.ok(await world.pings('beyond.containers'));
    await world.remove('beyond');
    await world.untilGone('beyond');
    await eventually(async () => (await world.host.readFile('/srv/linked/hosts')) === text, {
      timeoutMs: 60_000,
      describe: 'the file to be as it was',
    });
    assert.equal(await world.sh('readlink', HOSTS), '../srv/linked/hosts');
  } finally {
    await world.sh('mv', '-T', `${HOSTS}.away`, HOSTS);
  }
});

test('guests find each other by name, whichever started first, and see each change while they run', async () => {
  await world.drop('early', guest(link(31)));
  await world.drop('recluse', guest(link(32, { guestHosts: false })));
  await world.drop('on-host-net', sleeper({ localAddress: '192.0.2.45' }));
  await world.untilReady('early', 'recluse', 'on-host-net');
  const run = await world.invocation('early');
  await world.drop('late', guest(link(33, { hostsAlias: true })));
  await world.untilReady('late');
  await untilGuestHosts('early', /^10\.231\.136\.133 late\.containers late$/m);
  await world.inGuest('late', ['ping', '-c1', '-W5', 'early.containers']);
  await world.inGuest('early', ['ping', '-c1', '-W5', 'late.containers']);
  await world.inGuest('early', ['ping', '-c1', '-W5', 'late']);
  await world.inGuest('early', ['ping', '-c1', '-W5', 'recluse.containers']);
  assert.doesNotMatch(guestHosts(await leaderOf('recluse')), /containers/);
  // What the tree says of itself is still there.
  assert.match(guestHosts(await leaderOf('early')), /localhost/);

  await world.drop('late', guest(link(34)));
  await untilGuestHosts('early', /^10\.231\.136\.134 late\.containers$/m);
  // The name may be there a moment before the address.
  await eventually(() => world.inGuest('early', ['ping', '-c1', '-W5', 'late.containers']), {
    timeoutMs: 60_000,
    describe: 'the new address to answer',
  });
  await world.remove('late');
  await eventually(async () => !/late/.test(guestHosts(await leaderOf('early'))), {
    timeoutMs: 60_000,
    describe: 'the name to be gone from its neighbours',
  });
  assert.equal(await world.invocation('early'), run);
  assert.doesNotMatch(
    await world.host.readFile('/var/lib/machines/base/etc/hosts').catch(() => ''),
    /containers/,
  );
});

test('a guest whose etc/hosts is a link to the host gets names, and neither reads nor changes what it links to', async () => {
  const root = '/var/lib/machines/linked-hosts';
  await plantTree(world, root);
  await world.host.writeFile('/srv/secret-hosts', '192.0.2.1 secret.of.the.host\n');
  await world.sh('sh', '-ec', `mkdir -p ${root}/etc; ln -sfn /srv/secret-hosts ${root}/etc/hosts`);
  await world.drop('neighbour', sleeper(link(41)));
  await world.drop('linking', inSmallTree(root, link(42)));
  await world.untilReady('neighbour', 'linking');
  await eventually(
    async () => /neighbour/.test(await world.host.readFile('/run/nspawnd/guest-hosts/linking')),
    {
      timeoutMs: 60_000,
      describe: 'the names to be there for the guest',
    },
  );
  assert.doesNotMatch(await world.host.readFile('/run/nspawnd/guest-hosts/linking'), /secret/);
  assert.equal(await world.host.readFile('/srv/secret-hosts'), '192.0.2.1 secret.of.the.host\n');
  assert.equal(await world.sh('readlink', `${root}/etc/hosts`), '/srv/secret-hosts');
});

/** A private network with the address 10.231.136.(100 + number). */
function link(number: number, more: Readonly<Record<string, unknown>> = {}) {
  return {
    privateNetwork: true,
    hostAddress: '10.231.136.1',
    localAddress: `10.231.136.${100 + number}`,
    ...more,
  };
}

const EDITOR = `
  for line in $(seq 1 "$2"); do
    case $((line % 3)) in
      0) echo "192.0.2.$line edited-$line" >> "$1" ;;
      1) sed -i "1i 192.0.2.$line edited-$line" "$1" ;;
      2) { cat "$1"; echo "192.0.2.$line edited-$line"; } > "$1.mine" && mv "$1.mine" "$1" ;;
    esac
    sleep 0.2
  done`;

/** The lines of the block; without lines the markers must be gone, too. */
async function untilBlockIs(lines: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const text = await world.host.readFile(HOSTS);
      const block = /^# BEGIN nspawnd.*\n([\s\S]*?)^# END nspawnd$/m.exec(text)?.[1];
      assert.equal(block, lines.length === 0 ? undefined : `${lines.join('\n')}\n`, text);
      return true;
    },
    { timeoutMs: 60_000, describe: 'the block of /etc/hosts' },
  );
}

async function leaderOf(name: string): Promise<number> {
  const leader = (await world.get(name))?.status.leader;
  assert.ok(leader !== undefined, `${name} has a leader`);
  return leader;
}

function guestHosts(leader: number): string {
  return readFileSync(world.host.path(`/proc/${leader}/root/etc/hosts`), 'utf8');
}

async function untilGuestHosts(name: string, pattern: RegExp): Promise<void> {
  const leader = await leaderOf(name);
  await eventually(
    () => {
      assert.match(guestHosts(leader), pattern);
      return true;
    },
    { timeoutMs: 60_000, describe: `${name} to know ${pattern}` },
  );
}
