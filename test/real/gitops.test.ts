import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

/**
 * The README's "Manifests from git", word for word: what it says to type is typed here, what it says to write is written, and a
 * real repository is pulled. The timer is not waited for; its service is started instead.
 */
const world = useWorld({ with: 'git' }, async booted => {
  const { host } = booted;
  await booted.sh('git', 'init', '--quiet', '--initial-branch=main', WORK);
  await booted.sh('git', '-C', WORK, 'config', 'user.email', 'admin@test');
  await booted.sh('git', '-C', WORK, 'config', 'user.name', 'admin');
  await commit('begin', { '.gitattributes': '' });
  await booted.sh('git', 'clone', '--quiet', '--bare', WORK, ORIGIN);
  await booted.sh('git', '-C', WORK, 'remote', 'add', 'origin', ORIGIN);
  const [once, script, units] = recipe();
  await host.writeFile('/usr/local/sbin/pull-manifests', script);
  await booted.sh('chmod', '755', '/usr/local/sbin/pull-manifests');
  const [service, timer] = units.split('\n[Timer]');
  await host.writeFile('/etc/systemd/system/pull-manifests.service', service ?? '');
  await host.writeFile('/etc/systemd/system/pull-manifests.timer', `[Timer]${timer}`);
  await host.exec(['sh', '-ec', once], { env: { ORIGIN } });
  await booted.sh('systemctl', 'daemon-reload');
  await pull();
});

const WORK = '/root/work';
const ORIGIN = '/srv/origin.git';

/** The three blocks of the section that are code: what is typed once, the script, the units. */
function recipe(): readonly [string, string, string] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const section = /\n### Manifests from git\n([\s\S]*?)\n##+ /.exec(readme)?.[1] ?? '';
  const blocks = section
    .split(/\n(?=[^ \n])/)
    .map(part => part.split('\n').filter(line => line.startsWith('    ') || line === ''))
    .map(lines =>
      lines
        .map(line => line.slice(4))
        .join('\n')
        .trim(),
    )
    .filter(text => text !== '')
    .map(text => `${text}\n`);
  const [once, script, units, ...more] = blocks;
  assert.ok(once && script && units && more.length === 0, JSON.stringify(blocks));
  return [once, script, units];
}

/** Begins a test without what the last one left in the repository. */
async function beginAnew(): Promise<void> {
  await world.sh('sh', '-c', `cd ${WORK} && git rm --quiet --ignore-unmatch '*.yaml'`);
}

/** Texts by file name; null deletes. */
async function commit(message: string, files: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    if (text === null) await world.sh('git', '-C', WORK, 'rm', '--quiet', file);
    else await world.host.writeFile(`${WORK}/${file}`, text);
  }
  await world.sh('git', '-C', WORK, 'add', '--all');
  await world.sh('git', '-C', WORK, 'commit', '--quiet', '--allow-empty', '--message', message);
}

async function pull(): Promise<void> {
  await world.sh('systemctl', 'start', 'pull-manifests.service');
}

async function push(message: string, files: Readonly<Record<string, string | null>>): Promise<void> {
  await commit(message, files);
  await publish();
}

async function publish(): Promise<void> {
  await world.sh('git', '-C', WORK, 'push', '--quiet', 'origin', 'main');
  await pull();
}

async function revert(): Promise<void> {
  await world.sh('git', '-C', WORK, 'revert', '--no-edit', 'HEAD');
  await publish();
}

const until = (describe: string, isSo: () => Promise<boolean>) =>
  eventually(isSo, { timeoutMs: 60_000, describe });
const text = (name: string, more: Readonly<Record<string, unknown>> = {}) =>
  manifestText(name, sleeper(more));

test('a commit runs, a bad one breaks nothing, a revert makes all well, and what a pull would undo is refused', async () => {
  await push('three', { 'web.yaml': text('web'), 'db.yaml': text('db'), 'job.yaml': text('job') });
  await world.untilReady('web', 'db', 'job');
  const runs = async () => Promise.all(['web', 'db', 'job'].map(name => world.invocation(name)));
  const before = await runs();

  await push('nothing to do with containers', { 'NOTES.md': 'hello\n' });
  await push('another name for a file', { 'web.yaml': null, 'front.yaml': text('web') });
  await until('the renamed file to be in force', async () =>
    /front\.yaml/.test((await world.condition('web', 'ManifestValid'))?.message ?? ''),
  );
  assert.deepEqual(await runs(), before);

  // One that breaks a manifest and edits another.
  const edited = text('db', { environment: { A: '1' } });
  await push('bad', { 'front.yaml': 'spec: [\n', 'db.yaml': edited });
  await until('the good half of the commit', async () => (await world.invocation('db')) !== before[1]);
  await until('the bad half to be named', async () =>
    (await world.source()).problems.some(({ file }) => file.endsWith('front.yaml')),
  );
  assert.equal(await world.invocation('web'), before[0]);
  assert.equal(await world.unit('web', 'ActiveState'), 'active');
  await world.untilReady('db');

  await revert();
  await world.until('web', 'ManifestValid', 'True');
  await until('the reverted edit', async () => {
    const { environment } = ((await world.get('db'))?.spec ?? {}) as { environment?: unknown };
    return environment === undefined;
  });
  assert.equal(await world.invocation('web'), before[0]);
  await world.untilReady('web', 'db', 'job');

  const refused = await world.host.exec(['nspawnctl', 'delete', 'web'], { reject: false });
  assert.equal(refused.exitCode, 78, refused.stderr);
  assert.match(refused.stderr, /front\.yaml/);
  assert.equal(await world.unit('web', 'ActiveState'), 'active');
});

test('a commit that deletes most is held until it is confirmed or reverted; one that deletes one deletes it', async () => {
  await beginAnew();
  const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
  await push('six', Object.fromEntries(names.map(name => [`${name}.yaml`, text(name)])));
  await world.untilReady(...names);
  await push('one less', { 'n6.yaml': null });
  await world.untilGone('n6');

  await push('oh no', Object.fromEntries(names.slice(0, 5).map(name => [`${name}.yaml`, null])));
  await until('the deletions to be held', async () => ((await world.source()).held?.names.length ?? 0) >= 5);
  for (const name of names.slice(0, 5)) assert.equal(await world.unit(name, 'ActiveState'), 'active');
  await revert();
  await until('nothing to be held', async () => (await world.source()).held === null);
  for (const name of names.slice(0, 5)) await world.until(name, 'ManifestValid', 'True');
});

test('without the repository, and over a boot of the host, everything goes on as of the last pull', async () => {
  await beginAnew();
  await push('stays', { 'stays.yaml': text('stays') });
  await world.untilReady('stays');
  await world.sh('mv', ORIGIN, `${ORIGIN}.away`);
  try {
    assert.notEqual(await world.exits('systemctl', 'start', 'pull-manifests.service'), 0);
    await world.ctl('reconcile', 'stays');
    assert.equal(await world.unit('stays', 'ActiveState'), 'active');
    await world.host.reboot();
    await world.untilReady('stays');
  } finally {
    await world.sh('mv', `${ORIGIN}.away`, ORIGIN);
  }
  await push('gone', { 'stays.yaml': null });
  await world.untilGone('stays');
});
