import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { inSmallTree, plantTree } from './small-tree.ts';
import { guest, sleeper, useWorld } from './world.ts';

const world = useWorld();
const TREES = '/var/lib/machines/trees';

test('a root that is missing, a file, a link or hostile is named and starts nothing; put right, each container starts by itself', async () => {
  const cases = [
    { name: 'missing', make: 'true', reason: 'RootMissing', says: /does not exist/ },
    { name: 'plain', make: 'touch plain', reason: 'RootNotADirectory', says: /is not a directory/ },
    { name: 'linked', make: 'ln -s good linked', reason: 'RootIsSymlink', says: /trees\/good$/ },
    { name: 'dangling', make: 'ln -s nowhere dangling', reason: 'RootIsSymlink', says: /symbolic link/ },
    {
      name: 'sly',
      make: 'cp -a good sly; ln -s /etc sly/etc',
      reason: 'RootUnsafe',
      says: /sly\/etc is not/,
    },
    { name: 'unmounted', make: 'true', reason: 'RootMissing', says: /does not exist/ },
  ];
  await plantFreshly();
  for (const { make } of cases) await inTrees(make);
  await Promise.all(cases.map(({ name }) => world.drop(name, inSmallTree(`${TREES}/${name}`))));
  // An empty mount point is a directory like any other: it is tried, and fails.
  await inTrees('mkdir empty');
  await world.drop('empty', inSmallTree(`${TREES}/empty`));

  for (const { name, reason, says } of cases) {
    const stalled = await world.until(name, 'Stalled', 'True', reason);
    assert.match(stalled.message, says);
    await world.until(name, 'RootReady', 'False', reason);
    await world.until(name, 'Ready', 'False', reason);
    assert.equal(await world.unit(name, 'LoadState'), 'not-found');
  }
  const described = await world.ctl('describe', 'missing');
  assert.equal(described.exitCode, 0);
  assert.match(described.stdout, /RootMissing/);
  const failed = await world.until('empty', 'Ready', 'False', 'BackOff');
  assert.match(failed.message, /trees\/empty/);

  await inTrees(
    'cp -a good missing',
    'rm plain; cp -a good plain',
    'rm linked; cp -a good linked',
    'rm dangling; cp -a good dangling',
    'rm sly/etc',
    'mkdir unmounted; mount --bind good unmounted',
    // As a disk that is mounted a minute after boot.
    'mount -t tmpfs tmpfs empty; cp -a good/. empty/',
  );
  const names = [...cases.map(({ name }) => name), 'empty'];
  await world.untilReady(...names);
  for (const name of names) {
    assert.equal(await world.condition(name, 'Stalled'), undefined);
    assert.equal(await world.unit(name, 'ActiveState'), 'active');
  }

  // What is deleted is the container; the tree is data.
  const before = await listTrees();
  await removeAll(names);
  assert.equal(await listTrees(), before);
  await inTrees('umount --lazy unmounted empty');
});

test('a tree that is full of links to the host changes nothing on the host and learns nothing from it', async () => {
  const traps = {
    'etc-link': 'ln -s /etc etc',
    'var-link': 'ln -s /srv/canary var',
    'lib-link': 'mkdir var; ln -s /srv/canary var/lib',
    'release-link': 'mkdir etc; ln -s /srv/canary/os-release etc/os-release',
    'hosts-link': 'mkdir etc; ln -s /srv/canary/hosts etc/hosts',
    'usr-release-link': 'mkdir -p etc var/lib; ln -s /srv/canary/os-release usr/lib/os-release',
    'usr-lib-link': 'rmdir usr/lib; ln -s /srv/canary/lib usr/lib',
  };
  await plantFreshly();
  await world.sh('mkdir', '-p', '/srv/canary/lib');
  await world.host.writeFile('/srv/canary/lib/os-release', 'ID=host\n');
  await world.host.writeFile('/srv/canary/hosts', '192.0.2.1 secret.of.the.host\n');
  for (const [name, trap] of Object.entries(traps))
    await inTrees(`cp -a good ${name}; mkdir -p ${name}/usr/lib; cd ${name}; ${trap}`);
  const before = await lookAtHost();

  const names = Object.keys(traps);
  await Promise.all(
    names.map(name => world.drop(name, inSmallTree(`${TREES}/${name}`, { privateNetwork: true }))),
  );
  await world.until('etc-link', 'Stalled', 'True', 'RootUnsafe');
  const running = names.filter(name => name !== 'etc-link');
  await world.untilReady(...running);
  assert.equal(await lookAtHost(), before);
  // It was not asked whether the host has what this one leads to.
  assert.ok(existsSync(inHost(`${TREES}/usr-lib-link/etc/os-release`)));
  const { leader } = (await world.get('hosts-link'))?.status ?? {};
  // The link as the guest follows it: below its own root.
  const seen = readFileSync(inHost(`/proc/${leader}/root/srv/canary/hosts`), 'utf8');
  assert.match(seen, /localhost/);
  assert.doesNotMatch(seen, /secret/);

  await removeAll(names);
  assert.equal(await lookAtHost(), before);
  for (const name of names) assert.ok(existsSync(inHost(`${TREES}/${name}/usr/bin/sleep`)));
});

test('a bare tree gets what a start needs, and what a tree has of its own stays', async () => {
  await plantFreshly();
  await inTrees(
    'cp -a good bare',
    'cp -a good own; mkdir own/etc; echo ID=own > own/etc/os-release; chmod 0600 own/etc/os-release',
    'cp -a good vendor; mkdir -p vendor/usr/lib; echo ID=vendor > vendor/usr/lib/os-release',
  );
  await Promise.all(['bare', 'own', 'vendor'].map(name => world.drop(name, inSmallTree(`${TREES}/${name}`))));
  await world.untilReady('bare', 'own', 'vendor');
  for (const [path, type, mode] of [
    ['bare/etc', 'directory', '755'],
    ['bare/var', 'directory', '755'],
    ['bare/var/lib', 'directory', '755'],
    ['bare/etc/os-release', 'regular empty file', '644'],
    ['own/etc/os-release', 'regular file', '600'],
    ['own/var/lib', 'directory', '755'],
  ] as const)
    assert.equal(await world.sh('stat', '-c', '%F %a %u %g', `${TREES}/${path}`), `${type} ${mode} 0 0`);
  assert.equal(await world.host.readFile(`${TREES}/own/etc/os-release`), 'ID=own\n');
  assert.ok(!existsSync(inHost(`${TREES}/vendor/etc/os-release`)));
});

test('what belongs to the host or to nspawnd itself is no root, also by way of a link', async () => {
  await world.sh('mkdir', '-p', '/srv/links');
  await world.sh('ln', '-sfn', '/etc', '/srv/links/sly');
  await world.sh('ln', '-sfn', '/', '/srv/links/top');
  const roots = {
    'root-itself': { root: '/', says: /"\/" belongs to the host/ },
    'root-usr': { root: '/usr', says: /"\/usr" belongs to the host/ },
    'root-etc': { root: '/etc/', says: /"\/etc" belongs to the host/ },
    'root-var': { root: '/var', says: /"\/var" belongs to the host/ },
    'root-machines': { root: '/var/lib/machines', says: /belongs to the host/ },
    'root-manifests': { root: '/etc/nspawnd/manifests', says: /which is nspawnd's own/ },
    'root-above': { root: '/etc/nspawnd', says: /which is nspawnd's own/ },
    'root-state': { root: '/var/lib/nspawnd/accepted', says: /which is nspawnd's own/ },
    'root-sly': { root: '/srv/links/sly', says: /leads to another place: "\/etc" belongs to the host/ },
    'root-way-round': { root: '/srv/links/top/usr', says: /leads to another place: "\/usr" belongs/ },
  };
  const before = await lookAtHost();
  await Promise.all(Object.entries(roots).map(([name, { root }]) => world.drop(name, sleeper({ root }))));
  for (const [name, { says }] of Object.entries(roots)) {
    const refused = await world.until(name, 'ManifestValid', 'False', 'Invalid');
    assert.match(refused.message, new RegExp(`/${name}\\.yaml:5:\\d+: spec\\.root: `));
    assert.match(refused.message, says);
    assert.equal(await world.unit(name, 'LoadState'), 'not-found');
  }
  const validated = await world.ctl('validate', ...['itself', 'usr', 'etc', 'var'].map(manifestOf));
  assert.equal(validated.exitCode, 65);
  for (const root of ['"/"', '"/usr"', '"/etc"', '"/var"']) assert.ok(validated.stdout.includes(root));
  assert.equal(await lookAtHost(), before);

  function manifestOf(word: string): string {
    return `/etc/nspawnd/manifests/root-${word}.yaml`;
  }
});

test('two containers do not write to one tree, nor one inside the other; throw-away ones share it', async () => {
  await plantTree(world, `${TREES}/shared`);
  await plantTree(world, `${TREES}/shared/inner`);
  await world.drop('owner', inSmallTree(`${TREES}/shared`));
  await world.untilReady('owner');
  await world.drop('b-second', inSmallTree(`${TREES}/shared/`));
  await world.drop('a-inner', inSmallTree(`${TREES}/shared/inner`));
  await Promise.all([world.drop('fresh', guest(COMMAND)), world.drop('other-fresh', guest(COMMAND))]);
  for (const [name, says] of [
    ['b-second', /is the root of "owner" \(\/etc\/nspawnd\/manifests\/owner\.yaml:1\)/],
    ['a-inner', /overlaps ".*shared", the root of "owner"/],
  ] as const) {
    assert.match((await world.until(name, 'ManifestValid', 'False', 'Invalid')).message, says);
    assert.equal(await world.unit(name, 'LoadState'), 'not-found');
  }
  await world.untilReady('owner', 'fresh', 'other-fresh');
});

test('ten crashes of an ephemeral container leave nothing on the disk', async () => {
  const nursery = `${TREES}/nursery`;
  await plantTree(world, `${nursery}/tree`);
  // A restart that comes while the next run has just begun hits a payload that cannot hear it yet: a bounded wait.
  await world.drop('burner', inSmallTree(`${nursery}/tree`, { ephemeral: true, timeoutStopSec: 1 }));
  await world.untilReady('burner');
  const copies = await copiesIn(nursery);
  assert.equal(copies.length, 1);
  const entries = await entriesIn(nursery);

  const seen = new Set(copies);
  for (let crash = 1; crash <= 10; crash++) {
    const pid = await world.mainPid('burner');
    await world.sh('kill', '-KILL', String(pid));
    // Otherwise the tenth would wait for eight minutes.
    if (await isBackingOff('burner', pid)) await world.ctl('restart', 'burner');
    await untilAnotherRuns('burner', pid);
    const left = await copiesIn(nursery);
    assert.equal(left.length, 1, `after crash ${crash}: ${left}`);
    for (const copy of left) seen.add(copy);
  }
  assert.ok(seen.size > 10, 'each run had a copy of its own');
  assert.equal((await entriesIn(nursery)).length, entries.length);

  await world.remove('burner');
  await world.untilGone('burner');
  assert.deepEqual(await copiesIn(nursery), []);
  assert.ok(existsSync(inHost(`${nursery}/tree/usr/bin/sleep`)));
});

test('crashes of an ephemeral container leave nothing in a root that is a mount of its own', async () => {
  const tree = `${TREES}/mounted`;
  await plantTree(world, tree);
  await world.sh('mount', '--bind', tree, tree);
  try {
    await world.drop('inside', inSmallTree(tree, { ephemeral: true, timeoutStopSec: 1 }));
    await world.untilReady('inside');
    const entries = await entriesIn(tree);
    assert.equal((await copiesIn(tree)).length, 1);
    for (const _crash of [1, 2]) {
      const pid = await world.mainPid('inside');
      await world.sh('kill', '-KILL', String(pid));
      await untilAnotherRuns('inside', pid);
      assert.equal((await entriesIn(tree)).length, entries.length);
    }
    await world.remove('inside');
    await world.untilGone('inside');
    assert.deepEqual(await copiesIn(tree), []);
    assert.ok(existsSync(inHost(`${tree}/usr/bin/sleep`)));
  } finally {
    await world.sh('umount', '-l', tree);
  }
});

test('a crash of one ephemeral container of a tree leaves the copies of the others alone', async () => {
  const nursery = `${TREES}/siblings`;
  await plantTree(world, `${nursery}/tree`);
  const names = ['sibling-one', 'sibling-two', 'sibling-three'] as const;
  await Promise.all(names.map(name => world.drop(name, inSmallTree(`${nursery}/tree`, { ephemeral: true }))));
  await world.untilReady(...names);
  assert.equal((await copiesIn(nursery)).length, names.length);
  const [crashing, ...others] = names;
  const runs = await Promise.all(others.map(name => world.invocation(name)));

  const pid = await world.mainPid(crashing);
  await world.sh('kill', '-KILL', String(pid));
  await untilAnotherRuns(crashing, pid);
  await eventually(async () => (await copiesIn(nursery)).length === names.length, {
    timeoutMs: 60_000,
    describe: 'one copy for each to be left',
  });
  assert.deepEqual(await Promise.all(others.map(name => world.invocation(name))), runs);
  for (const name of names) {
    const { leader } = (await world.get(name))?.status ?? {};
    assert.ok(lstatSync(inHost(`/proc/${leader}/root/usr/bin/sleep`)).size > 0, `${name} has its tree`);
  }
  await removeAll(names);
  assert.deepEqual(await copiesIn(nursery), []);
});

const COMMAND = { command: ['/bin/sleep', 'infinity'] };

/** Nothing of an earlier test, and one tree to make others of. */
async function plantFreshly(): Promise<void> {
  await world.sh('rm', '-rf', '--one-file-system', TREES);
  await plantTree(world, `${TREES}/good`);
}

/** Shell lines in the directory of the trees, each in a shell of its own. */
async function inTrees(...lines: readonly string[]): Promise<void> {
  await world.sh('mkdir', '-p', TREES);
  for (const line of lines) await world.sh('sh', '-eu', '-c', `cd ${TREES}; ${line}`);
}

function inHost(path: string): string {
  return world.host.path(path);
}

/** Everything that a link out of a tree might lead to, with times and content, as text. Our own directory left out. */
function lookAtHost(): Promise<string> {
  return world.sh('sh', '-eu', '-c', LOOK);
}

const LOOK = `
  find /etc /srv/canary -path /etc/nspawnd -prune -o -printf '%p %y %m %U:%G %s %T@ %C@ %l\\n' 2> /dev/null | sort || true
  find /etc /srv/canary -path /etc/nspawnd -prune -o -type f -exec sha256sum {} + 2> /dev/null | sort || true
  stat -c '%n %Y %Z' /var /usr /usr/lib /srv`;

/** Every file of every tree, without what a start adds to one. */
function listTrees(): Promise<string> {
  return world.sh('sh', '-c', `cd ${TREES} && find . -not -name '.#*' | sort`);
}

async function entriesIn(directory: string): Promise<readonly string[]> {
  return (await world.sh('ls', '-A', directory)).split('\n').filter(name => name !== '');
}

/** Copies of ephemeral roots, without their locks. */
async function copiesIn(directory: string): Promise<readonly string[]> {
  return (await entriesIn(directory)).filter(name => /^\.#(?:machine|snapshot)\..*[0-9a-f]{16}$/.test(name));
}

/** After a crash: true while the next try is still to come, false when another run is there already. */
function isBackingOff(name: string, pid: number): Promise<boolean> {
  const look = async () => {
    const now = await world.mainPid(name);
    if (now > 0 && now !== pid) return 'runs';
    return (await world.condition(name, 'Ready'))?.reason === 'BackOff' ? 'waits' : null;
  };
  return eventually(look, { timeoutMs: 60_000, describe: `the end of ${name} to be seen` }).then(
    found => found === 'waits',
  );
}

async function untilAnotherRuns(name: string, pid: number): Promise<void> {
  await eventually(
    async () => {
      const now = await world.mainPid(name);
      assert.ok(now > 0 && now !== pid, `main process ${now}`);
      assert.equal((await world.condition(name, 'Ready'))?.status, 'True');
      return true;
    },
    { timeoutMs: 60_000, describe: `${name} to run again` },
  );
}

async function removeAll(names: readonly string[]): Promise<void> {
  await Promise.all(names.map(name => world.remove(name)));
  await eventually(
    async () => {
      const { held } = await world.source();
      if (held !== null) await world.ctl('prune', '--confirm', held.hash);
      const left = (await world.list()).map(({ metadata }) => metadata.name);
      assert.deepEqual(
        left.filter(name => names.includes(name)),
        [],
      );
      return true;
    },
    { timeoutMs: 60_000, describe: 'the containers to be gone' },
  );
}
