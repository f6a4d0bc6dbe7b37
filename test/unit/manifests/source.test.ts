import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { renameSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../../testbed/eventually.ts';
import { manifestText } from './manifest-text.ts';
import { SourceHost } from './source-host.ts';

const files = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map(name => [`${name}.yaml`, manifestText(name)]));
const names = (count: number) => Array.from({ length: count }, (_, index) => `c${index}`);
const address = (local: string) => ({ privateNetwork: true, localAddress: local });

const HELD = 'present, held: TooManyDeletions';

/** Waits for the watch alone to bring a state about. */
async function becomes(host: SourceHost, name: string, state: string): Promise<void> {
  await eventually(() => host.state(name) === state, { everyMs: 5, describe: `${name} to be ${state}` });
}

/** The state of each name. */
function check(host: SourceHost, expected: Readonly<Record<string, string>>): void {
  const shown = Object.fromEntries(Object.keys(expected).map(name => [name, host.state(name)]));
  assert.deepEqual(shown, expected, host.problems().join('\n'));
}

suite('a directory of manifests', { concurrency: 4 }, () => {
  test('everything is as it was; nothing is announced', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    check(host, { a: 'present', b: 'present', nobody: 'absent' });
    assert.deepEqual(host.source.names(), ['a', 'b']);
    assert.deepEqual(await host.source.rescan(), []);
    assert.deepEqual(host.triggered, []);
    const { isHealthy, message, problems, held, files: count } = host.source.status();
    assert.deepEqual(
      { isHealthy, message, problems, held, count },
      { isHealthy: true, message: '', problems: [], held: null, count: 2 },
    );
  });

  test('before the first scan nothing is known and nothing absent', async context => {
    const host = await SourceHost.prepare(context);
    await mkdir(host.directory);
    await host.startSource(null);
    check(host, { a: 'unknown' });
    await host.source.adopt([]);
    check(host, { a: 'absent' });
  });

  test('a file moved in is in force at once, and only its name is announced', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.moveIn('b.yaml', manifestText('b'));
    await becomes(host, 'b', 'present');
    assert.deepEqual(host.triggered, ['b']);
    assert.ok((await readdir(join(host.stateDirectory, 'accepted'))).includes('b.json'));
  });

  test('a file in a new sub-directory is found', async context => {
    const host = await SourceHost.start(context);
    await host.moveIn('team/front/b.yaml', manifestText('b'));
    await becomes(host, 'b', 'present');
    await host.moveIn('team/front/c.yaml', manifestText('c'));
    await becomes(host, 'c', 'present');
  });

  test('touching, commenting and reordering raise no generation; a new spec does', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    const generation = () => {
      const desired = host.source.desired('a');
      return desired.state === 'present' ? [desired.generation, desired.createdAt] : null;
    };
    const [first, createdAt] = generation() ?? [];
    assert.equal(first, 1);
    await host.moveIn('a.yaml', `# hello\n${manifestText('a')}`);
    await host.source.rescan();
    await host.moveIn('renamed.yaml', manifestText('a'));
    await host.remove('a.yaml');
    await host.settle();
    assert.deepEqual(generation(), [1, createdAt]);
    await host.moveIn('renamed.yaml', manifestText('a', { timeoutStopSec: 5 }));
    await host.source.rescan();
    assert.deepEqual(generation(), [2, createdAt]);
    host.clock.skip(60_000);
    await host.startSource();
    assert.deepEqual(generation(), [2, createdAt]);
  });

  test('a thousand files come, one is edited, and only that is announced', async context => {
    const host = await SourceHost.start(context, { files: files(...names(1_000)) });
    assert.equal(host.source.names().length, 1_000);
    await host.moveIn('c7.yaml', manifestText('c7', { root: '/srv/c7' }));
    await eventually(() => host.triggered.length > 0, { everyMs: 5 });
    assert.deepEqual(host.triggered, ['c7']);
    await host.remove(...names(501).map(name => `${name}.yaml`));
    await host.settle();
    assert.equal(host.source.status().held?.names.length, 501);
  });
});

suite('a file that is being written', { concurrency: 4 }, () => {
  test('in place is in force when it is settled, and not before, without anybody asking', async context => {
    const host = await SourceHost.start(context);
    const started = Date.now();
    await host.writeInPlace('a.yaml', manifestText('a'));
    await becomes(host, 'a', 'present');
    const tookMs = Date.now() - started;
    assert.ok(tookMs >= 1_490, `${tookMs} ms`);
  });

  test('and cut off after any line never runs cut off', async context => {
    const host = await SourceHost.start(context, { files: files('old') });
    const text = manifestText('a', { ...address('10.0.0.2'), restartPolicy: 'Always', autoStart: false });
    const lines = text.split('\n');
    await Promise.all(
      lines.map(async (_, end) => {
        await host.writeInPlace(
          `cut${end}.yaml`,
          lines.slice(0, end).join('\n').replace('name: a ', `name: a${end} `).replace('/a"', `/a${end}"`),
        );
      }),
    );
    const seen = new Set<string>();
    const note = () => {
      for (const name of host.source.names()) if (host.state(name) === 'present') seen.add(name);
    };
    for (let skipped = 0; skipped < 1_000; skipped += 250) {
      await host.source.rescan();
      note();
      host.clock.skip(250);
    }
    assert.deepEqual([...seen], ['old']);
  });

  test('keeps its former version in force until it is settled', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    await host.writeInPlace('a.yaml', '');
    await host.source.rescan();
    await host.writeInPlace('a.yaml', manifestText('other'));
    await host.source.rescan();
    check(host, { a: 'present', other: 'absent' === host.state('other') ? 'absent' : 'unknown' });
    host.clock.skip(1_600);
    await host.settle();
    check(host, { a: 'absent', other: 'present', b: 'present' });
  });

  test('and was wrong stays wrong until it is settled', async context => {
    const host = await SourceHost.start(context, { files: { 'a.yaml': `${manifestText('a')}  bad: 1\n` } });
    await host.writeInPlace('a.yaml', manifestText('a'));
    await host.source.rescan();
    check(host, { a: 'unknown' });
    assert.equal(host.problems().length, 1);
    assert.deepEqual(host.source.names(), ['a']);
    host.clock.skip(1_600);
    await becomes(host, 'a', 'present');
  });

  test('keeps its former version also through a restart of nspawnd', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.writeInPlace('a.yaml', 'apiVersion: nsp');
    await host.startSource();
    check(host, { a: 'present' });
    host.clock.skip(2_100);
    await host.source.rescan();
    check(host, { a: 'present, with problems' });
  });

  test('holds up the deletion of others, but not for long', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    await host.remove('a.yaml');
    await host.writeInPlace('c.yaml', manifestText('c'));
    await host.settle();
    check(host, { a: 'present', b: 'present' });
    host.clock.skip(1_500);
    await host.settle();
    check(host, { a: 'absent', b: 'present', c: 'present' });
  });

  test('and is broken gets a second look before it is reported', async context => {
    const host = await SourceHost.start(context);
    await host.writeInPlace('a.yaml', 'kind: [');
    host.clock.skip(1_700);
    await host.source.rescan();
    assert.deepEqual(host.problems(), []);
    host.clock.skip(400);
    await host.source.rescan();
    assert.equal(host.problems().length, 1);
  });

  test('rewritten at the same length and time is still seen', async context => {
    const host = await SourceHost.start(context, {
      files: { 'a.yaml': manifestText('a', { timeoutStopSec: 1 }) },
    });
    await host.moveIn('a.yaml', manifestText('a', { timeoutStopSec: 2 }));
    await host.source.rescan();
    const desired = host.source.desired('a');
    assert.ok(desired.state === 'present' && desired.manifest.spec.timeoutStopSec === 2);
  });
});

suite('a manifest that is wrong', { concurrency: 4 }, () => {
  test('and new creates nothing, and says why', async context => {
    const host = await SourceHost.start(context, { files: { 'a.yaml': `${manifestText('a')}  bad: 1\n` } });
    check(host, { a: 'unknown' });
    assert.deepEqual(host.problems(), ['a.yaml:6:3: spec.bad: unknown field']);
    const desired = host.source.desired('a');
    assert.ok(desired.state === 'unknown' && desired.problems.length === 1 && desired.reason !== '');
    await host.remove('a.yaml');
    await becomes(host, 'a', 'absent');
    assert.deepEqual(host.triggered, ['a']);
    assert.deepEqual(host.source.names(), []);
  });

  test('keeps its last good version in force, also through a restart', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.moveIn('a.yaml', `${manifestText('a')}  hostAddress: 10.231.136\n`);
    await becomes(host, 'a', 'present, with problems');
    await host.startSource();
    check(host, { a: 'present, with problems' });
    const desired = host.source.desired('a');
    assert.ok(desired.state === 'present' && desired.manifest.spec.hostAddress === undefined);
    await host.moveIn('a.yaml', manifestText('a'));
    await becomes(host, 'a', 'present');
  });

  test('and has lost its name holds every deletion, and nothing else', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    await host.moveIn('b.yaml', 'metadata: {');
    await host.remove('a.yaml');
    await host.moveIn('c.yaml', manifestText('c'));
    await host.settle();
    check(host, { a: 'present, held: FilesUnreadable', b: 'present, with problems', c: 'present' });
    await host.remove('b.yaml');
    await host.settle();
    check(host, { a: 'absent', b: 'absent', c: 'present' });
  });

  test('and was renamed in the same commit is not a deletion', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    await host.remove('a.yaml');
    await host.moveIn('renamed.yaml', 'metadata: { name: [');
    await host.settle();
    check(host, { a: 'present, held: FilesUnreadable', b: 'present' });
  });

  test('and whose name was cut short does not delete the old one', async context => {
    const host = await SourceHost.start(context, { files: files('webserver', 'b') });
    await host.moveIn('webserver.yaml', 'metadata:\n  name: webserv');
    await host.settle();
    check(host, { webserver: 'present, held: FilesUnreadable', webserv: 'unknown', b: 'present' });
  });

  test('in an emptied file is not a deletion', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.moveIn('a.yaml', '');
    await host.settle();
    check(host, { a: 'present, with problems' });
  });

  test('in a file that others may write is refused until the permissions are mended', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await chmod(host.path('a.yaml'), 0o666);
    await becomes(host, 'a', 'present, with problems');
    assert.match(host.problems().join(), /run: chmod go-w .*a\.yaml/);
    await chmod(host.path('a.yaml'), 0o644);
    await becomes(host, 'a', 'present');
  });

  test('is logged once, safely', async context => {
    const host = await SourceHost.start(context, { files: { 'a\u001b]0;x\u0007.yaml': 'kind: "\\e[2J"' } });
    await host.source.rescan();
    const lines = host.logged.filter(line => line.message === 'manifest refused');
    assert.equal(lines.length, new Set(lines.map(line => JSON.stringify(line))).size);
    const logged = host.logged
      .flatMap(line => [line.message, ...Object.values(line.fields).map(String)])
      .join();
    assert.match(logged, /\\x1b\]0;x\\x07/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(logged, /[\u0000-\u001f]/);
  });

  test('because its address is taken keeps its own, and gets the other when that is free', async context => {
    const host = await SourceHost.start(context, {
      files: {
        'a.yaml': manifestText('a', address('10.0.0.2')),
        'b.yaml': manifestText('b', address('10.0.0.3')),
      },
    });
    await host.moveIn('b.yaml', manifestText('b', address('10.0.0.2')));
    await becomes(host, 'b', 'present, with problems');
    await host.moveIn('a.yaml', manifestText('a', address('10.0.0.4')));
    await becomes(host, 'b', 'present');
    const desired = host.source.desired('b');
    assert.ok(desired.state === 'present' && desired.manifest.spec.localAddress === '10.0.0.2');
  });

  test('because it cannot be recorded is not in force, and is tried again', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await rm(join(host.stateDirectory, 'accepted'), { recursive: true });
    await writeFile(join(host.stateDirectory, 'accepted'), 'in the way');
    await host.moveIn('a.yaml', manifestText('a', { timeoutStopSec: 5 }));
    await host.moveIn('b.yaml', manifestText('b'));
    await becomes(host, 'b', 'unknown');
    check(host, { a: 'present, with problems' });
    await rm(join(host.stateDirectory, 'accepted'));
    await host.source.rescan();
    check(host, { a: 'present', b: 'present' });
  });

  test('because its address is the host own is taken in when the host gives it up', async context => {
    const host = await SourceHost.prepare(context);
    await mkdir(host.directory);
    host.hostAddresses = ['10.0.0.2'];
    await host.moveIn('a.yaml', manifestText('a', address('10.0.0.2')));
    await host.startSource();
    check(host, { a: 'unknown' });
    host.hostAddresses = [];
    await host.source.rescan();
    check(host, { a: 'present' });
  });
});

suite('a manifest that is gone', { concurrency: 4 }, () => {
  test('from a small host is a deletion: the only one, all three', async context => {
    for (const count of [1, 3]) {
      const host = await SourceHost.start(context, { files: files(...names(count)) });
      await host.remove(...names(count).map(name => `${name}.yaml`));
      await eventually(() => names(count).every(name => host.state(name) === 'absent'), { everyMs: 5 });
      assert.deepEqual(host.source.names(), names(count));
      for (const name of names(count)) await host.source.forget(name);
      assert.deepEqual(host.source.names(), []);
      assert.equal(host.source.status().isHealthy, true);
      assert.deepEqual(await readdir(join(host.stateDirectory, 'accepted')), []);
    }
  });

  test('with all of ten is held until exactly that list is confirmed', async context => {
    const host = await SourceHost.start(context, { files: files(...names(10)) });
    await host.remove(...names(10).map(name => `${name}.yaml`));
    await becomes(host, 'c0', 'present, held: DirectoryEmpty');
    assert.equal(host.source.status().isHealthy, false);
    const { held } = host.source.status();
    assert.deepEqual(held?.names, names(10));
    assert.equal(await host.source.confirmPrune('0123456789ab'), false);
    check(host, { c9: 'present, held: DirectoryEmpty' });
    host.triggered.length = 0;
    assert.equal(await host.source.confirmPrune(held?.hash ?? ''), true);
    check(host, Object.fromEntries(names(10).map(name => [name, 'absent'])));
    assert.deepEqual(host.triggered.sort(), names(10));
    assert.equal(host.source.status().held, null);
    assert.equal(await host.source.confirmPrune(held?.hash ?? ''), false);
  });

  test('and confirmed, but cannot be recorded, stays held', async context => {
    const host = await SourceHost.start(context, { files: files(...names(4)) });
    await host.remove(...names(4).map(name => `${name}.yaml`));
    await host.settle();
    const accepted = join(host.stateDirectory, 'accepted');
    await rename(accepted, `${accepted}.away`);
    await writeFile(accepted, 'in the way');
    await assert.rejects(host.source.confirmPrune(host.source.status().held?.hash ?? ''), {
      code: 'FileError',
    });
    check(host, { c0: 'present, held: DirectoryEmpty' });
  });

  test('with most of ten is held also through a restart, and a list that has changed cannot be confirmed', async context => {
    const host = await SourceHost.start(context, { files: files(...names(10)) });
    await host.remove(...names(6).map(name => `${name}.yaml`));
    await host.settle();
    check(host, { c0: 'present, held: TooManyDeletions', c9: 'present' });
    const before = host.source.status().held?.hash ?? '';
    await host.startSource(names(10));
    await host.settle();
    check(host, { c0: 'present, held: TooManyDeletions', c9: 'present' });
    assert.equal(host.source.status().held?.hash, before);
    await host.moveIn('c0.yaml', manifestText('c0'));
    assert.equal(await host.source.confirmPrune(before), false);
    check(host, { c0: 'present' });
  });

  test('with all of ten, of which half are back, is held through a restart, however few those are by then', async context => {
    const host = await SourceHost.start(context, { files: files(...names(10)) });
    await host.remove(...names(10).map(name => `${name}.yaml`));
    await host.settle();
    for (const name of names(5)) await host.moveIn(`${name}.yaml`, manifestText(name));
    await host.settle();
    const held = Object.fromEntries(names(10).map((name, index) => [name, index < 5 ? 'present' : HELD]));
    check(host, held);
    await host.startSource(names(10));
    await host.settle();
    check(host, held);
    assert.equal(await host.source.confirmPrune(host.source.status().held?.hash ?? ''), true);
    check(host, { c4: 'present', c5: 'absent', c9: 'absent' });
    await host.settle();
    assert.deepEqual(await readdir(host.stateDirectory), ['accepted', 'directory.json']);
  });

  test('and comes back within a moment was never gone', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.remove('a.yaml');
    await host.source.rescan();
    await host.moveIn('a.yaml', manifestText('a'));
    await host.settle();
    check(host, { a: 'present' });
    assert.ok(!host.logged.some(line => /removed/.test(line.message)));
  });

  test('goes on being deleted after a kill -9, without counting again', async context => {
    const host = await SourceHost.start(context, { files: files(...names(4)) });
    await host.remove('c0.yaml', 'c1.yaml');
    await host.settle();
    check(host, { c0: 'absent', c1: 'absent' });
    await rename(host.directory, `${host.directory}.away`);
    await host.startSource(names(4));
    check(host, { c0: 'absent', c1: 'absent', c2: 'present, held: DirectoryMissing' });
    await rename(`${host.directory}.away`, host.directory);
    await host.remove('c2.yaml', 'c3.yaml');
    await host.settle();
    check(host, { c0: 'absent', c2: 'absent', c3: 'absent' });
  });

  test('and comes back while it is deleted is what it was', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.remove('a.yaml');
    await host.settle();
    check(host, { a: 'absent' });
    await host.moveIn('a.yaml', manifestText('a'));
    await becomes(host, 'a', 'present');
    await host.source.forget('a');
    check(host, { a: 'present' });
    await host.startSource();
    check(host, { a: 'present' });
  });

  test('and comes back broken while it is deleted stays unknown', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await host.remove('a.yaml');
    await host.settle();
    await host.moveIn('a.yaml', `${manifestText('a')}  bad: 1\n`);
    await becomes(host, 'a', 'unknown');
    await host.startSource(['a']);
    check(host, { a: 'unknown' });
    await rename(host.directory, `${host.directory}.away`);
    await host.settle();
    check(host, { a: 'unknown' });
    await rename(`${host.directory}.away`, host.directory);
    await host.remove('a.yaml');
    await host.settle();
    check(host, { a: 'absent' });
  });

  test('makes room for the next one only when the host has nothing left of it', async context => {
    const host = await SourceHost.start(context, {
      files: { 'x.yaml': manifestText('a', address('10.0.0.2')) },
    });
    await host.moveIn('x.yaml', manifestText('b', address('10.0.0.2')));
    await host.settle();
    check(host, { a: 'absent', b: 'unknown' });
    assert.deepEqual(host.problems(), []);
    host.triggered.length = 0;
    await host.source.forget('a');
    check(host, { b: 'present' });
    assert.deepEqual(host.triggered, ['b']);
  });

  test('before nspawnd started is not started once more', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    host.stopSource();
    await host.remove('a.yaml');
    await host.startSource(['a', 'b']);
    check(host, { a: 'unknown', b: 'present' });
    await host.settle();
    check(host, { a: 'absent', b: 'present' });
  });
});

suite('a name found on the host', { concurrency: 4 }, () => {
  test('without a manifest is a deletion from a healthy directory', async context => {
    const host = await SourceHost.start(context, { files: files('a'), onHost: ['a', 'orphan'] });
    await host.settle();
    check(host, { a: 'present', orphan: 'absent' });
    assert.ok(host.source.names().includes('orphan'));
    await host.source.forget('orphan');
    assert.deepEqual(host.source.names(), ['a']);
  });

  test('is unknown while the directory is missing', async context => {
    const host = await SourceHost.start(context, { hasDirectory: false, onHost: ['orphan'] });
    await host.settle();
    check(host, { orphan: 'unknown', nobody: 'unknown' });
  });

  test('counts for the guards: lost state and an empty directory delete nobody', async context => {
    const host = await SourceHost.start(context, { onHost: names(4) });
    await host.settle();
    check(host, Object.fromEntries(names(4).map(name => [name, 'unknown'])));
    const { held } = host.source.status();
    assert.deepEqual(held?.names, names(4));
    assert.equal(await host.source.confirmPrune(held?.hash ?? ''), true);
    check(host, { c0: 'absent', c3: 'absent' });
  });

  test('that is no name of ours is left alone', async context => {
    const host = await SourceHost.start(context, { onHost: ['../../etc/passwd', 'Web'] });
    await host.settle();
    assert.deepEqual(host.source.names(), []);
  });
});

suite('a record of ours that is broken', { concurrency: 4 }, () => {
  test('neither stops the start nor deletes the container', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    host.stopSource();
    await writeFile(join(host.stateDirectory, 'accepted', 'a.json'), '{"format": 1, "na');
    await writeFile(join(host.stateDirectory, 'directory.json'), '');
    await host.moveIn('a.yaml', `${manifestText('a')}  bad: 1\n`);
    await host.startSource(['a', 'b']);
    await host.settle();
    check(host, { a: 'unknown', b: 'present' });
    assert.ok(host.logged.some(line => line.level === 'warn' && /record .* broken/.test(line.message)));
    assert.equal(
      await readFile(join(host.stateDirectory, 'accepted', 'a.json'), 'utf8'),
      '{"format": 1, "na',
    );
    await host.moveIn('a.yaml', manifestText('a'));
    await becomes(host, 'a', 'present');
  });
});

suite('the directory', { concurrency: 4 }, () => {
  test('missing at the first start is no error; it comes when it is made', async context => {
    const host = await SourceHost.start(context, { hasDirectory: false });
    assert.equal(host.source.status().isHealthy, false);
    assert.match(host.source.status().message, /does not exist$/);
    assert.ok(!host.logged.some(line => line.level === 'error'));
    await mkdir(host.directory);
    await host.moveIn('a.yaml', manifestText('a'));
    await becomes(host, 'a', 'present');
    assert.equal(host.source.status().isHealthy, true);
    await host.moveIn('b.yaml', manifestText('b'));
    await becomes(host, 'b', 'present');
  });

  test('renamed away keeps everything, and back is as before', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    await rename(host.directory, `${host.directory}.away`);
    await becomes(host, 'a', 'present, held: DirectoryMissing');
    assert.equal(host.source.status().isHealthy, false);
    assert.equal(host.source.status().held, null);
    await rename(`${host.directory}.away`, host.directory);
    await becomes(host, 'a', 'present');
    assert.equal(host.source.status().isHealthy, true);
    await host.moveIn('c.yaml', manifestText('c'));
    await becomes(host, 'c', 'present');
  });

  test('replaced by an empty one deletes nothing, not even one of one', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await rename(host.directory, `${host.directory}.away`);
    await mkdir(host.directory);
    await becomes(host, 'a', 'present, held: DirectoryReplaced');
    await host.settle(10_000);
    check(host, { a: 'present, held: DirectoryReplaced' });
    assert.equal(host.source.status().isHealthy, false);
    await host.startSource(['a']);
    await host.settle(10_000);
    check(host, { a: 'present, held: DirectoryReplaced' });
    assert.equal(await host.source.confirmPrune(host.source.status().held?.hash ?? ''), true);
    check(host, { a: 'absent' });
  });

  test('replaced by another is watched like the first', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    const fresh = join(host.base, 'fresh');
    await host.moveIn('../fresh/a.yaml', manifestText('a', { timeoutStopSec: 5 }));
    renameSync(host.directory, `${host.directory}.old`);
    renameSync(fresh, host.directory);
    await eventually(() => host.triggered.includes('a'), { everyMs: 5 });
    await host.settle(2_100);
    assert.equal(host.source.status().isHealthy, true);
    await host.moveIn('b.yaml', manifestText('b'));
    await becomes(host, 'b', 'present');
  });

  test('replaced by one with at least half of the names is accepted after two scans', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b', 'c', 'd') });
    const old = `${host.directory}.old`;
    await rename(host.directory, old);
    await mkdir(host.directory);
    for (const name of ['a', 'b']) await rename(join(old, `${name}.yaml`), host.path(`${name}.yaml`));
    await host.source.rescan();
    check(host, { a: 'present', c: 'present, held: DirectoryReplaced' });
    await host.settle(1_000);
    check(host, { a: 'present', c: 'present, held: DirectoryReplaced' });
    host.clock.skip(1_100);
    await host.settle();
    check(host, { a: 'present', b: 'present', c: 'absent', d: 'absent' });
    assert.equal(host.source.status().isHealthy, true);
  });

  test('with another inode after a boot is what it is', async context => {
    const host = await SourceHost.start(context, { files: files('a', 'b') });
    const old = `${host.directory}.old`;
    await rename(host.directory, old);
    await mkdir(host.directory);
    await rename(join(old, 'a.yaml'), host.path('a.yaml'));
    host.bootId = 'boot-2';
    await host.startSource(['a', 'b']);
    await host.settle();
    check(host, { a: 'present', b: 'absent' });
  });

  test('that is a link may point elsewhere at any time, as with git-sync', async context => {
    const host = await SourceHost.prepare(context);
    const tree = async (commit: string, ...some: string[]) => {
      for (const name of some) await host.moveIn(join('..', commit, `${name}.yaml`), manifestText(name));
      await symlink(commit, join(host.base, 'next'));
      await rename(join(host.base, 'next'), host.directory);
    };
    await tree('commit1', 'a', 'b');
    await host.startSource();
    check(host, { a: 'present', b: 'present' });
    await tree('commit2', 'a', 'c');
    await becomes(host, 'c', 'present');
    await host.settle();
    check(host, { a: 'present', b: 'absent', c: 'present' });
    await host.moveIn(join('..', 'commit2', 'd.yaml'), manifestText('d'));
    await becomes(host, 'd', 'present');
  });

  test('with files that are links follows a flip of ..data, as in a ConfigMap', async context => {
    const host = await SourceHost.prepare(context);
    await host.moveIn('..1/a.yaml', manifestText('a'));
    await host.moveIn('..2/a.yaml', manifestText('a', { timeoutStopSec: 5 }));
    await symlink('..1', host.path('..data'));
    await symlink('..data/a.yaml', host.path('a.yaml'));
    await host.startSource();
    check(host, { a: 'present' });
    await symlink('..2', host.path('..next'));
    await rename(host.path('..next'), host.path('..data'));
    await eventually(() => host.triggered.includes('a'), { everyMs: 5 });
    const desired = host.source.desired('a');
    assert.ok(
      desired.state === 'present' && desired.manifest.spec.timeoutStopSec === 5 && desired.generation === 2,
    );
  });

  test('that others may write is not read', async context => {
    const host = await SourceHost.start(context, { files: files('a') });
    await chmod(host.directory, 0o777);
    await host.moveIn('b.yaml', manifestText('b'));
    await becomes(host, 'a', 'present, held: DirectoryUntrusted');
    check(host, { b: 'unknown' });
    assert.match(host.source.status().message, /run: chmod go-w /);
    await chmod(host.directory, 0o755);
    await becomes(host, 'b', 'present');
  });

  test('with a FIFO and a file of many megabytes in it is read all the same', async context => {
    const host = await SourceHost.start(context);
    await promisify(execFile)('mkfifo', [host.path('f.yaml')]);
    await host.moveIn('large.yaml', `# ${'x'.repeat(8 * 1024 * 1024)}\n`);
    await host.moveIn('a.yaml', manifestText('a'));
    await becomes(host, 'a', 'present');
    assert.deepEqual(host.problems(), [
      'f.yaml:1:1: : not a regular file; it is not opened',
      'large.yaml:1:1: : larger than 1048576 bytes',
    ]);
  });

  test('of a source that was stopped is not looked at any more', async context => {
    const host = await SourceHost.start(context);
    host.stopSource();
    await host.moveIn('a.yaml', manifestText('a'));
    const other = await SourceHost.start(context);
    await other.moveIn('b.yaml', manifestText('b'));
    await becomes(other, 'b', 'present');
    assert.deepEqual(host.triggered, []);
  });
});

suite('judging files', { concurrency: 4 }, () => {
  test('says what would become of them, without taking them in', async context => {
    const host = await SourceHost.start(context, {
      files: {
        'a.yaml': manifestText('a', address('10.0.0.2')),
        'b.yaml': manifestText('b', address('10.0.0.3')),
      },
    });
    const judge = (file: string, text: string) =>
      host.source
        .judge([{ file, text }])
        .map(({ name, manifest, problems }) => [
          name,
          manifest !== null,
          ...problems.map(problem => problem.message),
        ]);
    assert.deepEqual(judge('/home/me/a.yaml', manifestText('a', address('10.0.0.4'))), [['a', true]]);
    assert.deepEqual(judge('/home/me/c.yaml', manifestText('c', address('10.0.0.3'))), [
      ['c', false, `10.0.0.3 is the localAddress of "b" (${host.path('b.yaml')}:1)`],
    ]);
    assert.deepEqual(judge(host.path('b.yaml'), manifestText('c', address('10.0.0.3'))), [['c', true]]);
    const swapped = [manifestText('a', address('10.0.0.3')), manifestText('b', address('10.0.0.2'))];
    assert.deepEqual(judge('/home/me/both.yaml', swapped.join('---\n')), [
      ['a', true],
      ['b', true],
    ]);
    const twice = judge('/home/me/twice.yaml', `${manifestText('d')}---\n${manifestText('d')}`);
    assert.deepEqual(
      twice.map(([name, isValid]) => [name, isValid]),
      [
        ['d', true],
        ['d', false],
      ],
    );
    assert.deepEqual(
      judge('x', '{').map(([name, isValid]) => [name, isValid]),
      [[null, false]],
    );
    assert.deepEqual(host.source.names(), ['a', 'b']);
    assert.deepEqual(await host.source.rescan(), []);
  });
});
