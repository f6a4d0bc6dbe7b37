import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../src/api/problem.ts';
import { eventually } from '../testbed/eventually.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

const world = useWorld();
const PARENT = '/etc/nspawnd';
const DIRECTORY = `${PARENT}/manifests`;

test('the directory renamed away deletes nothing and says so; back again, it is followed as before', async () => {
  const names = await runningSleepers(5);
  const runs = await runsOf(names);
  await world.host.mv(DIRECTORY, `${PARENT}/away`);
  for (const name of names) {
    const blocked = await world.until(name, 'PruneBlocked', 'True', 'DirectoryMissing');
    assert.match(blocked.message, /manifests does not exist/);
  }
  const listed = await world.ctl('get');
  assert.equal(listed.exitCode, 0);
  assert.match(listed.stderr, /manifests does not exist/);
  assert.equal((await world.source()).isHealthy, false);
  // Not after a restart either, which has nothing but its records to go by.
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.until('sleeper-0', 'PruneBlocked', 'True', 'DirectoryMissing');
  assert.deepEqual(await runsOf(names), runs);

  await world.host.mv(`${PARENT}/away`, DIRECTORY);
  await untilHealthy();
  for (const name of names) await untilNotBlocked(name);
  assert.deepEqual(await runsOf(names), runs);
  await world.drop('afterwards', sleeper());
  await world.untilReady('afterwards');
  await world.remove('sleeper-4');
  await world.untilGone('sleeper-4');
});

for (const [how, cover, uncover] of [
  [
    'in its place',
    `mv ${DIRECTORY} ${PARENT}/away; mkdir ${DIRECTORY}`,
    `rmdir ${DIRECTORY}; mv ${PARENT}/away ${DIRECTORY}`,
  ],
  ['mounted over it', `mount -t tmpfs -o mode=0755 tmpfs ${DIRECTORY}`, `umount --lazy ${DIRECTORY}`],
] as const) {
  test(`an empty directory ${how} deletes nothing, not even on a small host; what was there is in force again afterwards`, async () => {
    const names = await runningSleepers(2);
    const runs = await runsOf(names);
    await world.sh('sh', '-ec', cover);
    try {
      for (const name of names) await world.until(name, 'PruneBlocked', 'True', 'DirectoryReplaced');
      await world.sh('systemctl', 'restart', 'nspawnd');
      for (const name of names) await world.until(name, 'PruneBlocked', 'True', 'DirectoryReplaced');
      const held = await world.ctl('prune');
      assert.equal(held.exitCode, 1);
      assert.match(held.stdout, /was replaced by another/);
      assert.match(held.stdout, /^ {2}sleeper-0\n {2}sleeper-1\n/m);
    } finally {
      await world.sh('sh', '-ec', uncover);
    }
    for (const name of names) await untilNotBlocked(name);
    assert.deepEqual(await runsOf(names), runs);
    await world.drop('afterwards', sleeper());
    await world.untilReady('afterwards');
  });
}

test('another directory with most of the manifests in it, such as a restored backup, is accepted by itself', async () => {
  const names = await runningSleepers(3);
  const runs = await runsOf(names);
  await world.sh(
    'sh',
    '-ec',
    `cd ${PARENT}; cp -a manifests restored; rm restored/sleeper-2.yaml; mv manifests old; mv restored manifests; rm -r old`,
  );
  await world.untilGone('sleeper-2');
  await untilHealthy();
  assert.deepEqual(await runsOf(['sleeper-0', 'sleeper-1']), runs.slice(0, 2));
  await world.drop('afterwards', sleeper());
  await world.untilReady('afterwards');
});

test('the only manifest deleted, then all of three deleted: the containers are gone', async () => {
  for (const count of [1, 3]) {
    const names = await runningSleepers(count, { privateNetwork: true });
    for (const name of names)
      assert.match(await world.sh('ip', 'netns', 'list'), new RegExp(`^${name}\\b`, 'm'));
    await world.sh('sh', '-c', `rm ${DIRECTORY}/*.yaml`);
    for (const name of names) await world.untilGone(name);
    assert.equal(await world.sh('ip', 'netns', 'list'), '');
    assert.doesNotMatch(await world.sh('machinectl', 'list', '--no-legend'), /sleeper/);
    assert.equal(await world.sh('sh', '-c', 'ls /run/systemd/system | grep ^container@ || true'), '');
  }
});

test('all of ten deleted are held; prune shows which, refuses another hash, and releases exactly what it showed', async () => {
  const names = await runningSleepers(10);
  const runs = await runsOf(names);
  await world.sh('sh', '-c', `mkdir -p /srv/kept; mv ${DIRECTORY}/*.yaml /srv/kept/`);
  for (const name of names) {
    const blocked = await world.until(name, 'PruneBlocked', 'True', 'DirectoryEmpty');
    assert.match(blocked.message, /nspawnctl prune --confirm [0-9a-f]+/);
  }
  const shown = await world.ctl('prune');
  assert.equal(shown.exitCode, 1);
  assert.match(shown.stdout, /^10 deletions held/);
  for (const name of names) assert.match(shown.stdout, new RegExp(`^ {2}${name}$`, 'm'));
  const hash = /--confirm ([0-9a-f]+)/.exec(shown.stdout)?.[1] ?? '';
  assert.equal((await world.ctl('prune', '--confirm', 'f00d')).exitCode, 78);
  assert.match((await world.ctl('get')).stderr, /10 deletions held/);

  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.until('sleeper-0', 'PruneBlocked', 'True', 'DirectoryEmpty');
  assert.deepEqual(await runsOf(names), runs);

  // One is put back: the list that was shown is no longer the list that would go.
  await world.sh('mv', '/srv/kept/sleeper-3.yaml', DIRECTORY);
  await untilNotBlocked('sleeper-3');
  const others = names.filter(name => name !== 'sleeper-3');
  await eventually(async () => (await world.source()).held?.names.length === others.length, {
    timeoutMs: 60_000,
    describe: 'nine deletions to be held',
  });
  for (const name of others) await world.until(name, 'PruneBlocked', 'True', 'TooManyDeletions');
  assert.equal((await world.ctl('prune', '--confirm', hash)).exitCode, 78);
  assert.deepEqual(await runsOf(names), runs);

  const { held } = await world.source();
  assert.deepEqual(held?.names, others);
  const confirmed = await world.ctl('prune', '--confirm', held?.hash ?? '');
  assert.equal(confirmed.exitCode, 0, confirmed.stderr);
  for (const name of others) await world.untilGone(name);
  assert.deepEqual(await runsOf(['sleeper-3']), [runs[3]]);
  assert.equal((await world.ctl('prune')).exitCode, 0);
});

test('a file renamed and broken in one commit: its container keeps running until the file is mended or deleted', async () => {
  const names = await runningSleepers(2);
  const runs = await runsOf(names);
  const whole = manifestText('sleeper-0', sleeper());
  await commit('sleeper-0.yaml', 'renamed.yaml', whole.replace('metadata:', 'metadata: ]['));
  const blocked = await world.until('sleeper-0', 'PruneBlocked', 'True', 'FilesUnreadable');
  assert.match(blocked.message, /renamed\.yaml/);
  const isValid = await world.condition('sleeper-0', 'ManifestValid');
  assert.equal(isValid?.status, 'Unknown');
  assert.deepEqual(await runsOf(names), runs);
  // Nothing is deleted on the word of a directory with such a file in it.
  await world.remove('sleeper-1');
  await world.until('sleeper-1', 'PruneBlocked', 'True', 'FilesUnreadable');
  await world.sh('systemctl', 'restart', 'nspawnd');
  for (const name of names) await world.until(name, 'PruneBlocked', 'True', 'FilesUnreadable');
  assert.deepEqual(await runsOf(names), runs);

  await world.host.writeManifest('renamed.yaml', whole);
  await untilNotBlocked('sleeper-0');
  await world.untilGone('sleeper-1');
  await world.until('sleeper-0', 'ManifestValid', 'True', 'Accepted');
  assert.deepEqual(await runsOf(['sleeper-0']), [runs[0]]);

  // Broken in the very letters of its name.
  await commit('renamed.yaml', 'again.yaml', whole.replace('name: sleeper-0', 'name: Sleeper 0'));
  await world.until('sleeper-0', 'PruneBlocked', 'True', 'FilesUnreadable');
  assert.deepEqual(await runsOf(['sleeper-0']), [runs[0]]);
  await world.host.removeManifest('again.yaml');
  await world.untilGone('sleeper-0');
});

test('a directory that is a link is followed when the link is flipped, as git-sync does', async () => {
  const revision = (number: number, files: Readonly<Record<string, string>>) =>
    Promise.all(
      Object.entries(files).map(([name, text]) =>
        world.host.writeFile(`/srv/git/rev-${number}/${name}.yaml`, text),
      ),
    );
  const flipTo = (number: number) =>
    world.sh('sh', '-ec', `cd /srv/git; ln -sfn rev-${number} next; mv -T next current`);
  const kept = manifestText('kept', sleeper());
  const edited = (word: string) => manifestText('edited', sleeper({ environment: { WORD: word } }));
  await revision(1, { kept, edited: edited('one'), dropped: manifestText('dropped', sleeper()) });
  await revision(2, {
    'kept-elsewhere': kept,
    edited: edited('two'),
    added: manifestText('added', sleeper()),
  });
  await flipTo(1);
  await world.sh('sh', '-ec', `mv ${DIRECTORY} ${PARENT}/plain; ln -s /srv/git/current ${DIRECTORY}`);
  try {
    await world.untilReady('kept', 'edited', 'dropped');
    const [keptRun, editedRun] = await runsOf(['kept', 'edited']);
    await flipTo(2);
    await world.untilReady('added');
    await world.untilGone('dropped');
    await eventually(async () => (await world.get('edited'))?.metadata.generation === 2, {
      timeoutMs: 60_000,
      describe: 'the edit to be taken in',
    });
    await eventually(async () => ![editedRun, ''].includes(await world.invocation('edited')), {
      timeoutMs: 60_000,
      describe: 'the edited one to be restarted',
    });
    await world.untilReady('kept', 'edited', 'added');
    assert.deepEqual(await runsOf(['kept']), [keptRun]);
    await untilHealthy();
    // And the watch is on the new one.
    await world.host.writeFile('/srv/git/rev-2/late.yaml', manifestText('late', sleeper()));
    await world.untilReady('late');
  } finally {
    await world.sh('sh', '-ec', `rm /srv/git/rev-*/*.yaml; rm ${DIRECTORY}; mv ${PARENT}/plain ${DIRECTORY}`);
  }
});

test('a manifest that somebody else could write is refused with the command that mends it; what runs goes on', async () => {
  const [name = ''] = await runningSleepers(1);
  const run = await world.invocation(name);
  await world.sh('chmod', 'g+w', `${DIRECTORY}/${name}.yaml`);
  const byMode = await world.until(name, 'ManifestValid', 'False', 'Invalid');
  assert.match(
    byMode.message,
    /writable by others \(mode 0664\); run: chmod go-w \/etc\/nspawnd\/manifests\/sleeper-0\.yaml/,
  );
  assert.equal(await world.invocation(name), run);
  await runCommandIn(byMode.message);
  await world.until(name, 'ManifestValid', 'True', 'Accepted');

  await world.host.writeFile(`${DIRECTORY}/foreign.yaml`, manifestText('foreign', sleeper()), {
    mode: 0o600,
  });
  await world.sh('sh', '-ec', `cd ${DIRECTORY}; mv foreign.yaml .f; chown 65534 .f; mv .f foreign.yaml`);
  // It may have been accepted before it was given away; a new name tells.
  await world.host.writeFile('/srv/handed-over.yaml', manifestText('handed-over', sleeper()));
  await world.sh('sh', '-ec', `cd /srv; chown 65534 handed-over.yaml; mv handed-over.yaml ${DIRECTORY}/`);
  const byOwner = await untilProblem(/handed-over\.yaml:1:1: /);
  assert.match(byOwner, /belongs to user 65534; run: chown 0 \/etc\/nspawnd\/manifests\/handed-over\.yaml/);
  assert.equal(await world.get('handed-over'), null);
  assert.equal(await world.unit('handed-over', 'LoadState'), 'not-found');
  await runCommandIn(byOwner);
  await world.untilReady('handed-over');
});

test('a directory that somebody else could write is not read; what runs goes on, and mended it is read again', async () => {
  const names = await runningSleepers(2);
  const runs = await runsOf(names);
  for (const [path, mode] of [
    [DIRECTORY, '0777'],
    [PARENT, '0775'],
  ] as const) {
    await world.sh('chmod', mode, path);
    for (const name of names) {
      const blocked = await untilEventuallyBlocked(name);
      assert.ok(
        blocked.includes(`${path} is writable by others (mode ${mode}); run: chmod go-w ${path}`),
        blocked,
      );
    }
    await world.drop('intruder', sleeper());
    await world.sh('systemctl', 'restart', 'nspawnd');
    await untilEventuallyBlocked('sleeper-0');
    assert.equal(await world.get('intruder'), null);
    assert.equal(await world.unit('intruder', 'LoadState'), 'not-found');
    assert.deepEqual(await runsOf(names), runs);
    await world.remove('intruder');
    await world.sh('chmod', 'go-w', path);
    await untilHealthy();
  }
  await world.drop('friend', sleeper());
  await world.untilReady('friend');

  async function untilEventuallyBlocked(name: string): Promise<string> {
    return eventually(
      async () => {
        const { message, isHealthy } = await world.source();
        assert.equal(isHealthy, false);
        assert.ok((await world.get(name)) !== null);
        assert.match(message, /writable by others/);
        return message;
      },
      { timeoutMs: 60_000, describe: 'the directory to be distrusted' },
    );
  }
});

test('what is no regular file of a sensible size is never opened, named, and in nobody else’s way', async () => {
  await world.sh(
    'sh',
    '-ec',
    `cd ${DIRECTORY}; mkfifo pipe.yaml; mknod null.yaml c 1 3; ln -s /dev/zero zero.yaml; ln -s loop.yaml loop.yaml
     ln -s nowhere dangling.json; truncate -s 8G huge.yaml; head -c 2000000 /dev/zero > zeros.yaml; mkdir folder.yaml`,
  );
  await world.drop('among-them', sleeper());
  await world.untilReady('among-them');
  for (const [file, says] of [
    ['pipe.yaml', /not a regular file; it is not opened/],
    ['null.yaml', /not a regular file; it is not opened/],
    ['zero.yaml', /a link, but not to a regular file; it is not opened/],
    ['loop.yaml', /a link that leads nowhere/],
    ['dangling.json', /a link that leads nowhere/],
    ['huge.yaml', /larger than \d+ bytes|holds more than/],
    ['zeros.yaml', /larger than \d+ bytes/],
  ] as const)
    assert.match(await untilProblem(new RegExp(`/${file}:1:1: `)), says);
  // Still awake: four FIFOs opened for reading would have frozen it.
  await world.drop('after-them', sleeper());
  await world.untilReady('after-them');
});

test('dotfiles, editor leftovers and other people’s files are no manifests', async () => {
  const files = [
    '.hidden.yaml',
    'a.yaml~',
    'a.yaml.bak',
    '.a.yaml.swp',
    'a.yaml.swp',
    'a.yaml.tmp',
    'a.yaml.orig',
  ];
  files.push('a.yaml.rej', '#a.yaml#', '4913', 'README.md', 'a.yamlx', '.git/config.yaml', 'b.tmp', 'c~');
  for (const [index, file] of files.entries())
    await world.host.writeFile(`${DIRECTORY}/${file}`, manifestText(`leftover-${index}`, sleeper()));
  await world.host.writeManifest('real.yml', manifestText('real-yml', sleeper()));
  await world.host.writeFile(`${DIRECTORY}/sub/real.json`, json('real-json'));
  await world.untilReady('real-yml', 'real-json');
  assert.deepEqual(
    (await world.list()).map(({ metadata }) => metadata.name),
    ['real-json', 'real-yml'],
  );
  assert.equal((await world.source()).files, 2);
  assert.deepEqual((await world.source()).problems, []);
});

test('what was deleted, edited and added while nspawnd was away is made true when it is back', async () => {
  const [kept = '', deleted = '', edited = ''] = await runningSleepers(3, { privateNetwork: true });
  const runs = await runsOf([kept, edited]);
  await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.remove(deleted);
  await world.drop(edited, sleeper({ privateNetwork: true, environment: { EDITED: 'yes' } }));
  await world.drop('added', sleeper());
  assert.equal(await world.unit(deleted, 'ActiveState'), 'active');
  await world.sh('systemctl', 'start', 'nspawnd');
  await world.untilGone(deleted);
  await world.untilReady('added', kept);
  await eventually(async () => ![runs[1], ''].includes(await world.invocation(edited)), {
    timeoutMs: 60_000,
    describe: 'the edited one to be restarted',
  });
  await world.untilReady(edited);
  assert.deepEqual(await runsOf([kept]), [runs[0]]);
  assert.doesNotMatch(await world.sh('ip', 'netns', 'list'), new RegExp(deleted));
  assert.equal(await world.unit(deleted, 'LoadState'), 'not-found');
});

test('with its state directory lost nspawnd adopts what runs, also where the manifest cannot be read at that time', async () => {
  const names = await runningSleepers(5);
  const runs = await runsOf(names);
  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.sh('rm', '-rf', '/var/lib/nspawnd');
  await world.host.writeManifest('sleeper-4.yaml', manifestText('sleeper-4', sleeper({ rooot: '/' })));
  await world.sh('systemctl', 'start', 'nspawnd');
  await world.untilReady(...names.slice(0, 4));
  const broken = await world.until('sleeper-4', 'ManifestValid', 'False', 'Invalid');
  assert.match(broken.message, /spec\.rooot: unknown field/);
  assert.deepEqual(await runsOf(names), runs);
  for (const name of names) assert.equal(await world.unit(name, 'ActiveState'), 'active');

  // And the guards know how many there are, from the host alone.
  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.sh('sh', '-c', `rm -rf /var/lib/nspawnd ${DIRECTORY}/*.yaml`);
  await world.sh('systemctl', 'start', 'nspawnd');
  await eventually(async () => (await world.source()).held?.names.length === names.length, {
    timeoutMs: 60_000,
    describe: 'all deletions to be held',
  });
  assert.deepEqual(await runsOf(names), runs);
});

/** Containers `sleeper-0`, `sleeper-1`, ..., all Ready. */
async function runningSleepers(
  count: number,
  more: Readonly<Record<string, unknown>> = {},
): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_, index) => `sleeper-${index}`);
  await Promise.all(names.map(name => world.drop(name, sleeper(more))));
  await world.untilReady(...names);
  return names;
}

function runsOf(names: readonly string[]): Promise<readonly string[]> {
  return Promise.all(names.map(name => world.invocation(name)));
}

/** As a commit does it when it is checked out: the new file is there before the old one goes. */
async function commit(from: string, to: string, text: string): Promise<void> {
  await world.host.writeManifest(to, text);
  await world.host.removeManifest(from);
}

function json(name: string): string {
  return JSON.stringify({
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name },
    spec: sleeper(),
  });
}

/** Does what a message says is to be run. */
async function runCommandIn(message: string): Promise<void> {
  const command = /run: (.*)$/m.exec(message)?.[1];
  assert.ok(command !== undefined, message);
  await world.sh('sh', '-c', command);
}

async function untilHealthy(): Promise<void> {
  await eventually(
    async () => {
      const { isHealthy, message, held } = await world.source();
      assert.ok(isHealthy && held === null, message);
      return true;
    },
    { timeoutMs: 60_000, describe: 'the directory to be well' },
  );
}

async function untilNotBlocked(name: string): Promise<void> {
  await eventually(
    async () => {
      const container = await world.get(name);
      assert.ok(container !== null);
      assert.equal(
        container.status.conditions.find(({ type }) => type === 'PruneBlocked'),
        undefined,
      );
      return true;
    },
    { timeoutMs: 60_000, describe: `nothing to be held of ${name}` },
  );
}

function untilProblem(pattern: RegExp): Promise<string> {
  return eventually(
    async () => {
      const problems = (await world.source()).problems.map(formatProblem);
      const found = problems.find(problem => pattern.test(problem));
      assert.ok(found !== undefined, problems.join('\n'));
      return found;
    },
    { timeoutMs: 60_000, describe: `a problem like ${pattern}` },
  );
}
