import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Creation, Draft, ManifestChange, Writing } from '../../../src/controller/ports.ts';
import { manifestText } from './manifest-text.ts';
import { SourceHost } from './source-host.ts';

const draft = (name: string, more: Partial<Draft> = {}): Draft => ({
  name,
  labels: {},
  annotations: {},
  isDryRun: false,
  spec: { root: `/var/lib/machines/${name}`, autoStart: false },
  ensureUniqueName: false,
  allocateAddresses: true,
  ...more,
});

const create = (host: SourceHost, name: string, more: Partial<Draft> = {}, inUse: readonly string[] = []) =>
  host.source.createManifest(draft(name, more), inUse);

const made = async (host: SourceHost) => (await readdir(host.path('created')).catch(() => [])).sort();

function addressOf(creation: Creation): string {
  assert.equal(creation.is, 'created', JSON.stringify(creation));
  return creation.is === 'created' ? String(creation.content.spec.localAddress) : '';
}

suite('a manifest made by request', { concurrency: 4 }, () => {
  test('is a file like any other, and in force when the answer comes', async context => {
    const host = await SourceHost.start(context);
    const creation = await create(host, 'web', { labels: { tier: 'front' } });
    assert.deepEqual(creation, {
      is: 'created',
      name: 'web',
      file: host.path('created/web.yaml'),
      content: {
        labels: { tier: 'front' },
        annotations: {},
        spec: {
          root: '/var/lib/machines/web',
          autoStart: false,
          privateNetwork: true,
          hostAddress: '10.233.1.1',
          localAddress: '10.233.1.2',
        },
      },
    });
    assert.equal(host.state('web'), 'present');
    assert.deepEqual(await made(host), ['web.yaml']);
    assert.match(
      await readFile(host.path('created/web.yaml'), 'utf8'),
      /^# yaml-language-server: .*\n# Made by nspawnd for whoever asked/,
    );
    assert.deepEqual(host.triggered, ['web']);
  });

  test('has addresses that no manifest has, be it in force, refused, not valid, or going', async context => {
    const host = await SourceHost.start(context, {
      files: {
        'a.yaml': manifestText('a', { privateNetwork: true, localAddress: '10.233.1.2' }),
        'refused.yaml': manifestText('b', {
          privateNetwork: true,
          localAddress: '10.233.2.2',
          root: '/etc',
        }),
        'broken.yaml': manifestText('c', { privateNetwork: true, localAddress: '10.233.3.2', nonsense: 1 }),
        'host.yaml': manifestText('d', { privateNetwork: true, hostAddress: '10.233.4.1' }),
        'gone.yaml': manifestText('e', { privateNetwork: true, localAddress: '10.233.5.2' }),
      },
    });
    await host.remove('gone.yaml');
    await host.settle();
    assert.equal(host.state('e'), 'absent');
    assert.equal(addressOf(await create(host, 'web', {}, ['10.233.6.0/24', '10.233.7.1'])), '10.233.8.2');
  });

  test('twenty at once have twenty pairs of addresses', async context => {
    const host = await SourceHost.start(context);
    const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const addresses = (await Promise.all(names.map(name => create(host, name)))).map(addressOf);
    assert.equal(new Set(addresses).size, 20);
    for (const name of names) assert.equal(host.state(name), 'present');
  });

  test('twenty at once of one name make one', async context => {
    const host = await SourceHost.start(context);
    const creations = await Promise.all(Array.from({ length: 20 }, () => create(host, 'web')));
    assert.deepEqual(creations.map(({ is }) => is).sort(), ['created', ...Array(19).fill('taken')].sort());
    assert.deepEqual(await made(host), ['web.yaml']);
  });

  test('with a unique name is the first that is free', async context => {
    const host = await SourceHost.start(context, { files: { 'x.yaml': manifestText('web-1') } });
    const unique = (index: number) => ({ ensureUniqueName: true, spec: { root: `/srv/roots/${index}` } });
    const creations = await Promise.all([1, 2, 3].map(index => create(host, 'web', unique(index))));
    assert.deepEqual(
      creations.map(creation => (creation.is === 'created' ? creation.name : creation.is)),
      ['web-0', 'web-2', 'web-3'],
    );
  });

  test('does not take a name that a file, a tombstone or the host has', async context => {
    const host = await SourceHost.start(context, {
      files: { 'a.yaml': manifestText('a'), 'b.yaml': manifestText('b') },
      onHost: ['c'],
    });
    await host.remove('b.yaml');
    await host.settle();
    for (const name of ['a', 'b', 'c']) assert.equal((await create(host, name)).is, 'taken', name);
    assert.deepEqual(await made(host), []);
  });

  test('that is not valid is not written, and every reason is said', async context => {
    const host = await SourceHost.start(context);
    const creation = await create(host, 'web', { spec: { root: 'relative', colour: 'blue' } });
    assert.equal(creation.is, 'invalid');
    const messages = creation.is === 'invalid' ? creation.problems.map(problem => problem.field) : [];
    assert.deepEqual(messages.sort(), ['spec.colour', 'spec.root']);
    const taken = await create(host, 'localhost');
    assert.equal(taken.is, 'invalid');
    assert.deepEqual(await made(host), []);
  });

  test('does not take the root of another', async context => {
    const host = await SourceHost.start(context, { files: { 'a.yaml': manifestText('a') } });
    const creation = await create(host, 'web', { spec: { root: '/var/lib/machines/a/inner' } });
    assert.equal(creation.is, 'invalid');
    assert.deepEqual(await made(host), []);
  });

  test('is refused where no address is left, and where the directory is not there', async context => {
    const host = await SourceHost.start(context);
    const none = await create(host, 'web', {}, ['10.0.0.0/8']);
    assert.equal(none.is, 'refused');
    assert.match(none.is === 'refused' ? none.message : '', /--address-range/);
    await rm(host.directory, { recursive: true });
    const missing = await create(host, 'web');
    assert.match(missing.is === 'refused' ? missing.message : '', /does not exist/);
  });

  test('that cannot be written leaves nothing behind', async context => {
    const host = await SourceHost.start(context);
    await writeFile(host.path('created'), 'a file where the directory would be');
    const creation = await create(host, 'web');
    assert.equal(creation.is, 'refused');
    assert.equal(host.state('web'), 'absent');
  });

  test('that cannot be recorded leaves nothing behind', async context => {
    const host = await SourceHost.start(context);
    await rm(join(host.stateDirectory, 'accepted'), { recursive: true, force: true });
    await mkdir(host.stateDirectory, { recursive: true });
    await writeFile(join(host.stateDirectory, 'accepted'), '');
    const creation = await create(host, 'web');
    assert.equal(creation.is, 'refused');
    assert.deepEqual(await made(host), []);
    assert.notEqual(host.state('web'), 'present');
  });
});

suite('a manifest removed by request', { concurrency: 4 }, () => {
  test('is one that was made by request; first it can be asked', async context => {
    const host = await SourceHost.start(context);
    await create(host, 'web');
    const expected = { is: 'removed', file: host.path('created/web.yaml'), root: '/var/lib/machines/web' };
    assert.deepEqual(await host.source.removeManifest('web', { isDryRun: true, isOwnOnly: true }), expected);
    assert.equal(host.state('web'), 'present');
    assert.deepEqual(await host.source.removeManifest('web', { isDryRun: false, isOwnOnly: true }), expected);
    assert.equal(host.state('web'), 'absent');
    assert.deepEqual(await made(host), []);
  });

  test('is no accident, however many of them go', async context => {
    const host = await SourceHost.start(context);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) await create(host, name);
    for (const name of names) await host.source.removeManifest(name, { isDryRun: false, isOwnOnly: true });
    for (const name of names) assert.equal(host.state(name), 'absent', name);
    assert.equal(host.source.status().held, null);
  });

  test("is never a person's own, nor one of several, nor a link", async context => {
    const host = await SourceHost.start(context, { files: { 'a.yaml': manifestText('a') } });
    const refusal = async (name: string) => {
      const removal = await host.source.removeManifest(name, { isDryRun: false, isOwnOnly: true });
      assert.equal(removal.is, 'refused');
      return removal.is === 'refused' ? removal.message : '';
    };
    assert.match(await refusal('a'), /delete .*\/a\.yaml yourself/);
    await host.moveIn('created/two.yaml', `${manifestText('b')}---\n${manifestText('c')}`);
    assert.match(await refusal('b'), /two\.yaml declares more than b/);
    await host.moveIn('elsewhere/d.yaml', manifestText('d'));
    await chmod(host.path('elsewhere/d.yaml'), 0o644);
    await symlink(host.path('elsewhere/d.yaml'), host.path('created/d.yaml'));
    assert.match(await refusal('d'), /is declared in|not a regular file/);
    assert.deepEqual(await made(host), ['d.yaml', 'two.yaml']);
  });

  test('that nobody knows is unknown', async context => {
    const host = await SourceHost.start(context);
    assert.deepEqual(await host.source.removeManifest('web', { isDryRun: false, isOwnOnly: true }), {
      is: 'unknown',
    });
  });
});

suite('a root that is to be deleted', { concurrency: 4 }, () => {
  test('is nobody else’s, and no part of the host', async context => {
    const host = await SourceHost.start(context, {
      files: {
        'a.yaml': manifestText('a', { root: '/var/lib/machines/a' }),
        'b.yaml': manifestText('b', { root: '/var/lib/machines/shared/b', volatile: 'overlay' }),
      },
    });
    const check = async (path: string, except: string, expected: RegExp | null) => {
      const objection = await host.source.rootObjection(path, except);
      if (expected === null) assert.equal(objection, null, path);
      else assert.match(objection ?? '', expected, path);
    };
    await check('/var/lib/machines/a', 'a', null);
    await check('/var/lib/machines/a', 'b', /is the root of "a"/);
    await check('/var/lib/machines/a/inner', 'x', /is the root of "a"/);
    await check('/var/lib/machines/shared', 'x', /is the root of "b"/);
    await check('/var/lib/machines/other', 'x', null);
    for (const path of [
      '/',
      '/etc',
      '/var/lib',
      '/var/lib/machines',
      '/usr/lib/x',
      host.directory,
      host.base,
    ])
      await check(path, 'x', /./);
  });

  test('is looked at where it really is', async context => {
    const host = await SourceHost.start(context);
    await symlink('/etc', join(host.base, 'link'));
    assert.match((await host.source.rootObjection(join(host.base, 'link'), 'x')) ?? '', /"\/etc" belongs/);
  });
});

suite('a manifest changed by request', { concurrency: 4 }, () => {
  const relabel =
    (labels: Record<string, string>): ManifestChange =>
    before =>
      before === null
        ? { is: 'unknown', message: '' }
        : { ...before, labels: { ...before.labels, ...labels } };
  const messageOf = (writing: Writing) => ('message' in writing ? writing.message : writing.is);

  test('keeps the comments and the order of the person who wrote it, and is in force at once', async context => {
    const text = `# mine\n${manifestText('web', { timeoutStopSec: 5 })}  # the end\n`;
    const host = await SourceHost.start(context, { files: { 'team/web.yaml': text } });
    const writing = await host.source.writeManifest('web', relabel({ tier: 'front' }), false);
    assert.equal(writing.is, 'written');
    const now = await readFile(host.path('team/web.yaml'), 'utf8');
    assert.match(now, /^# mine\n/);
    assert.match(now, /# the end/);
    assert.match(now, /tier: front/);
    const desired = host.source.desired('web');
    assert.deepEqual(desired.state === 'present' && desired.manifest.labels, { tier: 'front' });
    assert.deepEqual(await readdir(host.path('team')), ['web.yaml'], 'nothing is left beside it');
  });

  test('is untouched when nothing changes, when it is only tried, and when the change is not valid', async context => {
    const text = manifestText('web', { timeoutStopSec: 5 });
    const host = await SourceHost.start(context, { files: { 'web.yaml': text } });
    const nonsense: ManifestChange = before => {
      assert.ok(before !== null);
      return { ...before, spec: { ...before.spec, nonsense: true } };
    };
    assert.equal((await host.source.writeManifest('web', relabel({}), false)).is, 'written');
    assert.equal((await host.source.writeManifest('web', relabel({ a: 'b' }), true)).is, 'written');
    assert.equal((await host.source.writeManifest('web', nonsense, false)).is, 'invalid');
    assert.equal(await readFile(host.path('web.yaml'), 'utf8'), text);
  });

  test('is JSON where it was', async context => {
    const json = {
      apiVersion: 'nspawnd.io/v1alpha1',
      kind: 'Container',
      metadata: { name: 'web' },
      spec: { root: '/srv/web' },
    };
    const host = await SourceHost.start(context, { files: { 'web.json': JSON.stringify(json) } });
    assert.equal((await host.source.writeManifest('web', relabel({ a: 'b' }), false)).is, 'written');
    assert.deepEqual(JSON.parse(await readFile(host.path('web.json'), 'utf8')), {
      ...json,
      metadata: { name: 'web', labels: { a: 'b' } },
    });
  });

  test('is refused with the name of the file where it is a checkout, a link, or one of several', async context => {
    const host = await SourceHost.start(context, {
      files: {
        'repository/a.yaml': manifestText('a'),
        'several.yaml': `${manifestText('b')}---\n${manifestText('c')}`,
      },
    });
    await mkdir(host.path('repository/.git'));
    for (const [name, expected] of [
      ['a', /a\.yaml belongs to the git checkout .*repository;/],
      ['b', /several\.yaml cannot be read as one manifest/],
    ] as const) {
      const writing = await host.source.writeManifest(name, relabel({ x: 'y' }), false);
      assert.equal(writing.is, 'refused');
      assert.match(messageOf(writing), expected);
      const removal = await host.source.removeManifest(name, { isDryRun: false, isOwnOnly: false });
      assert.equal(removal.is, 'refused');
      assert.equal(host.state(name), 'present');
    }
  });

  test('may have words of the language for labels, and lose them again', async context => {
    const host = await SourceHost.start(context, { files: { 'web.yaml': manifestText('web') } });
    const labels = { toString: 'x', constructor: 'y' };
    const without: ManifestChange = before =>
      before === null ? { is: 'unknown', message: '' } : { ...before, labels: { a: 'b' } };
    assert.equal(messageOf(await host.source.writeManifest('web', relabel(labels), false)), 'written');
    assert.equal(messageOf(await host.source.writeManifest('web', without, false)), 'written');
    const desired = host.source.desired('web');
    assert.deepEqual(desired.state === 'present' && desired.manifest.labels, { a: 'b' });
  });

  test("is not another's that was saved in its place a moment ago", async context => {
    const host = await SourceHost.start(context, { files: { 'web.yaml': manifestText('web') } });
    const text = manifestText('db');
    // So fresh that the source still waits for the rest of it.
    const soon = new Date(Date.now() + 60_000);
    await writeFile(host.path('web.yaml'), text);
    await utimes(host.path('web.yaml'), soon, soon);
    const writing = await host.source.writeManifest('web', relabel({ a: 'b' }), false);
    assert.match(messageOf(writing), /cannot be read as one manifest, that of web/);
    const removal = await host.source.removeManifest('web', { isDryRun: false, isOwnOnly: false });
    assert.match('message' in removal ? removal.message : removal.is, /just changed by somebody else/);
    assert.equal(await readFile(host.path('web.yaml'), 'utf8'), text);
  });

  test('loses nothing when two change it at once', async context => {
    const host = await SourceHost.start(context, { files: { 'web.yaml': manifestText('web') } });
    const names = Array.from({ length: 10 }, (_, index) => `l${index}`);
    await Promise.all(names.map(name => host.source.writeManifest('web', relabel({ [name]: 'x' }), false)));
    const desired = host.source.desired('web');
    assert.deepEqual(desired.state === 'present' && Object.keys(desired.manifest.labels).sort(), names);
  });

  test("a person's own file goes when its removal is asked for without reserve", async context => {
    const host = await SourceHost.start(context, { files: { 'web.yaml': manifestText('web') } });
    const removal = await host.source.removeManifest('web', { isDryRun: false, isOwnOnly: false });
    assert.equal(removal.is, 'removed');
    assert.deepEqual(await readdir(host.directory), []);
  });
});
