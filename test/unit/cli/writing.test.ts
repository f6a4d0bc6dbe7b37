import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { mergePatchBetween } from '../../../src/cli/merge-patch-between.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

const manifest = (name: string, spec = '', labels = '') =>
  `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: {name: ${name}, labels: {${labels}}}\nspec: {root: /srv/${name}${spec}}\n`;

async function world(t: TestContext, files: Readonly<Record<string, string>> = {}) {
  const control = new ControlModel();
  const { rootSocket, directory } = await serve(t, { control });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(directory, 'files'), { recursive: true });
    await writeFile(join(directory, 'files', name), text);
  }
  const run = (...args: string[]) => nspawnctl(['--socket', rootSocket, ...args]);
  return { control, run, files: join(directory, 'files') };
}

describe('apply', () => {
  it('creates, says that nothing changed, and configures', async t => {
    const { control, run, files } = await world(t, { 'web.yaml': manifest('web') });
    assert.deepEqual((await run('apply', '-f', files)).out, 'container/web created\n');
    assert.deepEqual((await run('apply', '-f', files)).out, 'container/web unchanged\n');
    await writeFile(join(files, 'web.yaml'), manifest('web', ', autoStart: false'));
    assert.deepEqual((await run('apply', '-f', join(files, 'web.yaml'))).out, 'container/web configured\n');
    assert.deepEqual(control.get('web')?.spec, { root: '/srv/web', autoStart: false });
  });

  it('says what a change costs', async t => {
    const { control, run, files } = await world(t, { 'web.yaml': manifest('web', ', ephemeral: true') });
    control.putRunning('web', { spec: { root: '/srv/web' } });
    const field = { field: 'spec.ephemeral', before: null, after: 'true', changeClass: 'restart' } as const;
    control.onPreview = async () => [{ name: 'web', problems: [], changes: [field], plan: 'x' }];
    assert.equal((await run('apply', '-f', files)).out, 'container/web configured: restarts for ephemeral\n');
  });

  it('applies nothing where one file is not valid, and nothing at all in a dry run', async t => {
    const { control, run, files } = await world(t, {
      'a.yaml': manifest('a'),
      'b.yaml': manifest('b', ', rooot: 1'),
    });
    const { code, err } = await run('apply', '-f', files);
    assert.equal(code, 65);
    assert.match(err, /b\.yaml:4:\d+: spec\.rooot: .*did you mean "root"/);
    assert.deepEqual(control.list(), []);
    const dry = await run('apply', '--dry-run', '-f', join(files, 'a.yaml'));
    assert.deepEqual([dry.code, dry.out], [0, 'container/a created (dry run)\n']);
    assert.deepEqual(control.list(), []);
  });

  it('prunes what it applied before and no others, and only when told which', async t => {
    const { control, run, files } = await world(t, {
      'a.yaml': manifest('a', '', 'team: x'),
      'b.yaml': manifest('b', '', 'team: x'),
      'c.yaml': manifest('c', '', 'team: y'),
    });
    control.put('foreign', { labels: { team: 'x' } });
    assert.equal((await run('apply', '-f', files)).code, 0);
    assert.equal((await run('apply', '--prune', '-f', join(files, 'a.yaml'))).code, 2);
    const { out } = await run('apply', '--prune', '-l', 'team=x', '-f', join(files, 'a.yaml'));
    assert.equal(out, 'container/a unchanged\ncontainer/b pruned\n');
    assert.deepEqual(
      control.list().map(({ metadata }) => metadata.name),
      ['foreign', 'a', 'c'],
    );
  });

  it('prunes nothing for a variable that is not set, or a directory that is not mounted', async t => {
    const { control, run, files } = await world(t, { 'a.yaml': manifest('a'), 'b.yaml': manifest('b') });
    assert.equal((await run('apply', '-f', files)).code, 0);
    const unset = await run('apply', '--prune', '-l', '', '-f', join(files, 'a.yaml'));
    assert.deepEqual([unset.code, unset.out], [2, '']);
    assert.match(unset.err, /no labels in it/);
    await mkdir(join(files, 'empty'));
    const empty = await run('apply', '--prune', '--all', '-f', join(files, 'empty'));
    assert.deepEqual([empty.code, empty.out], [2, '']);
    assert.match(empty.err, /no manifests in/);
    assert.deepEqual(
      control.list().map(({ metadata }) => metadata.name),
      ['a', 'b'],
    );
  });

  it('does not contradict another without being told to', async t => {
    const { control, run, files } = await world(t, { 'web.yaml': manifest('web') });
    control.put('web', { spec: { root: '/other' } });
    const known = control.get('web');
    assert.ok(known);
    control.replace({
      ...known,
      metadata: { ...known.metadata, annotations: { 'nspawnd.io/applied-by.other': '["/spec/root"]' } },
    });
    const { code, err } = await run('apply', '-f', files);
    assert.equal(code, 78);
    assert.match(err, /\/spec\/root is other's/);
    assert.equal((await run('apply', '--force-conflicts', '-f', files)).code, 0);
    assert.deepEqual(control.get('web')?.spec, { root: '/srv/web' });
  });

  it('refuses what is in the manifests directory: it is in force already', async t => {
    const { control, run, files } = await world(t, { 'web.yaml': manifest('web') });
    control.sourceStatus = { ...control.sourceStatus, directory: files };
    const { code, err } = await run('apply', '-f', join(files, 'web.yaml'));
    assert.equal(code, 78);
    assert.match(err, /in force as soon as it is saved/);
  });
});

describe('delete', () => {
  it('deletes by name and by file, and says that the root stays', async t => {
    const { control, run, files } = await world(t, { 'db.yaml': manifest('db') });
    control.put('web');
    control.put('db');
    const { code, out } = await run('delete', 'web', '-f', files);
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n').sort(), [
      '',
      'container/db deleted (its root stays: /var/lib/machines/db)',
      'container/web deleted (its root stays: /var/lib/machines/web)',
    ]);
    assert.deepEqual(control.list(), []);
  });

  it('of one that is not there is an error before anything goes, unless that is fine', async t => {
    const { control, run } = await world(t);
    control.put('web');
    assert.equal((await run('delete', 'web', 'wbe')).code, 66);
    assert.notEqual(control.get('web'), null);
    assert.equal((await run('delete', 'web', 'wbe', '--ignore-not-found')).code, 0);
    assert.equal(control.get('web'), null);
    assert.equal((await run('delete')).code, 2);
  });

  it('that is refused names the file', async t => {
    const { control, run } = await world(t);
    control.put('web');
    control.onRemove = () => ({
      is: 'refused',
      message: '/etc/x/web.yaml belongs to the git checkout /etc/x',
    });
    const { code, err } = await run('delete', 'web');
    assert.equal(code, 78);
    assert.match(err, /web\.yaml belongs to the git checkout/);
  });
});

describe('suspend, resume and reconcile', () => {
  it('say what they did', async t => {
    const { control, run } = await world(t);
    control.put('web');
    assert.equal((await run('suspend', 'web', '--for', '2h')).out, 'container/web suspended for 120m\n');
    assert.equal(control.suspended.get('web'), 7_200_000);
    assert.equal((await run('suspend', 'web')).out, 'container/web suspended until: nspawnctl resume web\n');
    assert.equal(control.suspended.get('web'), null);
    assert.equal((await run('resume', 'web')).code, 0);
    assert.equal(control.suspended.has('web'), false);
    assert.match((await run('reconcile', 'web')).out, /^container\/web reconciled: Pending/);
    assert.deepEqual(control.reconciled, ['web']);
    for (const verb of ['suspend', 'resume', 'reconcile']) assert.equal((await run(verb, 'wbe')).code, 66);
  });
});

describe('edit', () => {
  it('needs a terminal', async t => {
    const { control, run } = await world(t);
    control.put('web');
    const { code, err } = await run('edit', 'web');
    assert.equal(code, 2);
    assert.match(err, /needs a terminal/);
  });

  it('sends only what changed', () => {
    const before = {
      metadata: { name: 'a', labels: { x: '1', y: '2' } },
      spec: { root: '/a', command: ['x'] },
    };
    const after = { metadata: { name: 'a', labels: { x: '1' } }, spec: { root: '/b', command: ['x', 'y'] } };
    assert.deepEqual(mergePatchBetween(before, after), {
      metadata: { labels: { y: null } },
      spec: { root: '/b', command: ['x', 'y'] },
    });
    assert.equal(mergePatchBetween(before, structuredClone(before)), undefined);
    assert.deepEqual(mergePatchBetween({ a: { b: 1 } }, {}), { a: null });
  });
});
