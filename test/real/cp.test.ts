import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { inSmallTree, plantTree } from './small-tree.ts';
import { Tmux } from './tmux.ts';
import { guest, useWorld } from './world.ts';

/** Files in and out of guests, also of such that have no tar, are down, or want to be led elsewhere. */
const SMALL = '/var/lib/machines/small';
const world = useWorld({}, async made => {
  await plantTree(made, SMALL);
  await made.sh('sh', '-euc', MAKE_SITE);
});

const MAKE_SITE = `
  mkdir -p /srv/site/deep
  echo one > /srv/site/one; chmod 0640 /srv/site/one
  head -c 3000000 /dev/urandom > /srv/site/deep/big
  ln -s ../one /srv/site/deep/link; touch -h -d 2001-02-03T04:05:06Z /srv/site/deep/link
  touch -d 2001-02-03T04:05:06Z /srv/site/one /srv/site/deep /srv/site
  chown -R 1234:1234 /srv/site`;

const look = (directory: string) =>
  `cd ${directory} && find . -printf '%p %M %s %TY%Tm%Td%TH%TM %l\\n' | sort`;

test('a directory goes into a guest and out of it again, as it was', async () => {
  await world.drop('systemd', guest());
  await world.drop('small', inSmallTree(SMALL));
  await world.untilReady('systemd', 'small');
  const before = await world.sh('sh', '-c', look('/srv/site'));
  for (const name of ['systemd', 'small']) {
    await world.sh('nspawnctl', 'cp', '/srv/site', `${name}:/`);
    await world.sh('nspawnctl', 'cp', `${name}:/site`, '/srv/back');
    assert.equal(await world.sh('sh', '-c', look('/srv/back')), before, name);
    await world.sh('diff', '-r', '/srv/site', '/srv/back');
    await world.host.rm('/srv/back');
  }
  assert.equal(await world.inGuest('systemd', ['stat', '-c', '%U:%G %a', '/site/one']), 'root:root 640');
  // From one to the other, and relative to root's home.
  await world.sh('nspawnctl', 'cp', 'small:/site/deep/big', 'systemd:big');
  await world.sh('sh', '-c', 'nspawnctl exec systemd -- cat /root/big | cmp - /srv/site/deep/big');
  await world.host.rm(`${SMALL}/site`);
});

test('a file goes in and out by the standard streams', async () => {
  await world.drop('systemd', guest());
  await world.untilReady('systemd');
  await world.sh('sh', '-c', 'nspawnctl cp - systemd:/srv/big < /srv/site/deep/big');
  await world.sh('sh', '-c', 'nspawnctl cp systemd:/srv/big - | cmp - /srv/site/deep/big');
  assert.match(await world.sh('nspawnctl', 'cp', 'systemd:/proc/1/status', '-'), /^Name:\tsystemd$/m);
  assert.match(await world.sh('nspawnctl', 'cp', 'systemd:/etc/os-release', '-'), /^ID=debian$/m);
});

test('a guest that is down is read and written, also without a word of nspawnd when it runs', async () => {
  await world.drop('small', inSmallTree(SMALL, { autoStart: false }));
  await world
    .until('small', 'Ready', 'False', 'NotStarted')
    .catch(() => world.until('small', 'Ready', 'False'));
  await world.sh('nspawnctl', 'cp', '/srv/site/one', 'small:/one');
  assert.equal(await world.host.readFile(`${SMALL}/one`), 'one\n');
  assert.equal(await world.sh('nspawnctl', 'cp', 'small:/one', '-'), 'one');
  await world.host.rm(`${SMALL}/one`);
  await world.drop('systemd', guest());
  await world.untilReady('systemd');
  await world.sh('systemctl', 'stop', 'nspawnd');
  assert.equal((await world.ctl('cp', 'small:/one', '-')).exitCode, 69);
  await world.sh('nspawnctl', 'cp', '/srv/site/one', 'systemd:/srv/');
  assert.equal(await world.inGuest('systemd', ['cat', '/srv/one']), 'one');
  await world.sh('systemctl', 'start', 'nspawnd');
});

test('links of a guest lead nowhere on the host', async () => {
  await world.drop('systemd', guest());
  await world.untilReady('systemd');
  await world.host.writeFile('/srv/secret', 'of the host');
  const inside = (...argv: readonly string[]) => world.inGuest('systemd', argv);
  await inside('ln', '-s', '/srv', '/srv-link');
  await inside('ln', '-s', '../../../../../../srv/secret', '/etc/secret');
  await inside('ln', '-s', '/proc/1/root/srv/secret', '/etc/magic');
  // Into it: through the link, as the guest itself sees it.
  await world.sh('nspawnctl', 'cp', '/srv/site/one', 'systemd:/srv-link/new');
  assert.equal(await inside('cat', '/srv/new'), 'one');
  assert.equal(await world.exits('test', '-e', '/srv/new'), 1);
  // Out of it: what is named by the link is the guest's, and is not there.
  for (const path of ['/etc/secret', '/etc/magic', '/srv-link/secret']) {
    const { stdout, exitCode, stderr } = await world.ctl('cp', `systemd:${path}`, '-');
    assert.deepEqual([stdout, exitCode], ['', 1], stderr);
  }
  // Within a directory they are left out, and so is what is no file.
  await inside(
    'sh',
    '-c',
    'mkdir /tree && cd /tree && ln -s /etc/passwd out && ln -s fine in && echo x > fine && mkfifo fifo && mknod null c 1 3; cp /bin/true suid; chmod 4755 suid',
  );
  const copied = await world.ctl('cp', 'systemd:/tree', '/srv/');
  assert.equal(copied.exitCode, 1);
  for (const name of ['out', 'fifo', 'null'])
    assert.match(copied.stderr, new RegExp(`not copied: systemd:/tree/${name}: `));
  assert.equal(await world.sh('ls', '-A', '/srv/tree'), 'fine\nin\nsuid');
  assert.equal(await world.sh('stat', '-c', '%a %U', '/srv/tree/suid'), '755 root');
  await world.host.rm('/srv/tree');
  // A destination that the guest has made a link to a device, or a directory of the host's.
  await inside('ln', '-s', '/dev/null', '/srv/sink');
  await world.sh('nspawnctl', 'cp', '/srv/site/one', 'systemd:/srv/sink').catch(() => '');
  assert.equal(await inside('stat', '-c', '%t:%T', '/dev/null'), '1:3');
  await world.host.rm('/srv/secret');
});

test('a directory that the guest swaps for a link all the time leads nowhere either', async () => {
  await world.drop('systemd', guest());
  await world.untilReady('systemd');
  await world.host.writeFile('/etc/canary/secret', 'of the host');
  const script =
    'mkdir -p /tree/a /etc/canary; echo guest > /tree/a/secret; echo guest > /etc/canary/secret; while :; do mv /tree/a /tree/b; ln -s /etc/canary /tree/a; rm /tree/a; mv /tree/b /tree/a; done';
  const swapping = world.host.spawn(['nspawnctl', 'exec', 'systemd', '--', 'sh', '-c', script], {
    reject: false,
    stdin: 'ignore',
  });
  await eventually(
    async () => (await world.ctl('exec', 'systemd', '--', 'test', '-e', '/etc/canary/secret')).exitCode === 0,
    {
      timeoutMs: 60_000,
      describe: 'the swapping to begin',
    },
  );
  for (let turn = 0; turn < 8; turn += 1) {
    await world.ctl('cp', 'systemd:/tree', '/srv/tree');
    assert.equal(await world.sh('sh', '-c', 'grep -rl "of the host" /srv/tree 2>/dev/null || true'), '');
    await world.host.rm('/srv/tree');
    await world.ctl('cp', '/srv/site/one', `systemd:/tree/a/in${turn}`);
  }
  assert.equal(await world.sh('ls', '-A', '/etc/canary'), 'secret');
  swapping.kill('SIGKILL');
  await swapping;
  await world.host.rm('/etc/canary');
});

test('a disk that is full is said, and nothing half is left', async () => {
  await world.drop('systemd', guest());
  await world.untilReady('systemd');
  await world.sh('nspawnctl', 'cp', '/srv/site', 'systemd:/srv/site');
  await world.sh('sh', '-c', 'mkdir -p /srv/tiny && mount -t tmpfs -o size=1m tmpfs /srv/tiny');
  const whole = await world.ctl('cp', 'systemd:/srv/site', '/srv/tiny/');
  assert.equal(whole.exitCode, 1);
  assert.match(whole.stderr, /no room|no space left/);
  assert.equal(await world.sh('ls', '-A', '/srv/tiny'), '');
  const stream = await world.host.exec(
    [
      'sh',
      '-c',
      'nspawnctl exec systemd -- mount -t tmpfs -o size=1m tmpfs /mnt; head -c 3000000 /dev/urandom | nspawnctl cp - systemd:/mnt/big',
    ],
    { reject: false },
  );
  assert.equal(stream.exitCode, 1);
  assert.match(stream.stderr, /no space left/);
  assert.equal(await world.inGuest('systemd', ['ls', '-A', '/mnt']), '');
  await world.sh('umount', '--lazy', '/srv/tiny');
});

test('what cannot be is said, with the code of the table', async () => {
  await world.drop('systemd', guest());
  await world.untilReady('systemd');
  for (const [expected, ...args] of [
    [2, '/a', '/b'],
    [2, '-', 'systemd:/srv/'],
    [66, 'sytsemd:/a', '/b'],
    [1, 'systemd:/nowhere', '/srv/'],
    [1, 'systemd:/etc', '-'],
    [1, '/srv/site', 'systemd:/etc/passwd'],
    [1, '/srv/site/one', 'systemd:/nowhere/'],
    [1, '/srv/site/one', 'systemd:/proc/x'],
  ] as const) {
    const { exitCode, stderr } = await world.ctl('cp', ...args);
    assert.equal(exitCode, expected, `${args.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stderr, /proc\/self|at .*\(/);
  }
  const argv = ['setpriv', '--reuid=65534', '--clear-groups', 'nspawnctl', 'cp', 'systemd:/etc/passwd', '-'];
  assert.equal(await world.exits(...argv), 77);
});

describe('in a terminal', () => {
  let terminal: Tmux;
  before(async () => {
    terminal = await Tmux.open(world, 'cp');
  });
  after(() => terminal.close());

  test('a long copy says how far it is; Ctrl-C leaves nothing; and no cursor is moved', async () => {
    await world.drop('systemd', guest());
    await world.untilReady('systemd');
    await terminal.type(
      // A cat that nobody reads any more ends it, too: bash takes a Ctrl-C that did not end its child for heard.
      '(while cat /srv/site/deep/big; do sleep 0.1; done) | nspawnctl cp - systemd:/srv/endless',
    );
    await terminal.until(/copied \d+(?:\.\d)? MiB, 0 files/);
    await terminal.press('C-c');
    await terminal.until(/HOST>$/);
    assert.equal(await world.inGuest('systemd', ['ls', '-A', '/srv']), '');
    await terminal.clear();
    await world.sh('nspawnctl', 'exec', 'systemd', '--', 'sh', '-c', "printf 'a\\033[2Jb\\n' > /srv/evil");
    await terminal.type('nspawnctl cp systemd:/srv/evil -');
    await terminal.until(/^a\\x1b\[2Jb$/m);
  });
});
