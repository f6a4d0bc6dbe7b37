import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { listDirectory, relistFiles } from '../../../src/manifests/directory.ts';
import { Scanner } from '../../../src/manifests/scanner.ts';
import { DirectoryWatch } from '../../../src/manifests/watch.ts';
import { hostLinkName } from '../../../src/planning/link-name.ts';
import { eventually } from '../../testbed/eventually.ts';
import { manifestText } from './manifest-text.ts';
import { SourceHost } from './source-host.ts';

const OWNER = process.getuid?.() ?? 0;
const address = (local: string) => ({ privateNetwork: true, localAddress: local });
const edited = (name: string, spec: object = {}) => manifestText(name, { ...spec, restartPolicy: 'Never' });

/** Waits for the watch alone to bring it about that the edit is in force. */
async function isTakenIn(host: SourceHost, name: string): Promise<void> {
  const policy = () => {
    const desired = host.source.desired(name);
    return desired.state === 'present' ? desired.manifest.spec.restartPolicy : desired.state;
  };
  await eventually(() => policy() === 'Never', { everyMs: 5, describe: `the edit of ${name}` });
}

suite('a listing of which some files are looked at again', { concurrency: 4 }, () => {
  type Change = (host: SourceHost) => Promise<unknown>;

  /** What is found after a change, by looking at these files alone and at everything. */
  async function check(
    context: Parameters<typeof SourceHost.prepare>[0],
    file: string,
    expected: 'the same' | 'nothing',
    change: Change,
    prepare: Change = async () => undefined,
  ): Promise<void> {
    const host = await SourceHost.prepare(context);
    await mkdir(host.directory);
    for (const one of ['a.yaml', 'team/b.yaml', 'team/c.yaml']) await host.moveIn(one, 'x');
    await prepare(host);
    const former = await listDirectory(host.directory, OWNER);
    await change(host);
    const found = await relistFiles(former, host.directory, OWNER, new Set([host.path(file)]));
    if (expected === 'nothing') return assert.equal(found, null);
    const all = await listDirectory(host.directory, OWNER);
    assert.deepEqual(found, all);
    assert.notDeepEqual(found, former);
  }

  for (const file of ['a.yaml', 'team/b.yaml'])
    test(`finds what listing everything does: ${file}`, async context => {
      await check(context, file, 'the same', host => host.moveIn(file, 'other'));
    });
  test('says nothing of a file that is gone, new, or no file any more', async context => {
    await check(context, 'a.yaml', 'nothing', host => host.remove('a.yaml'));
    await check(context, 'd.yaml', 'nothing', host => host.moveIn('d.yaml', 'x'));
    await check(context, 'a.yaml', 'nothing', async host => {
      await host.remove('a.yaml');
      await symlink('/etc/passwd', host.path('a.yaml'));
    });
  });
  test('says nothing where others may write', async context => {
    for (const [file, writable] of [
      ['a.yaml', 'a.yaml'],
      ['a.yaml', ''],
      ['team/b.yaml', 'team'],
    ] as const) {
      await check(context, file, 'nothing', async host => {
        await host.moveIn(file, 'other');
        await chmod(host.path(writable), 0o777);
      });
    }
  });
  test('says nothing of another directory', async context => {
    await check(context, 'a.yaml', 'nothing', async host => {
      await rename(host.directory, join(host.base, 'former'));
      await mkdir(host.directory);
      await host.moveIn('a.yaml', 'x');
    });
  });
  test('says nothing of a file that is found by two ways', async context => {
    const linked: Change = host => symlink(host.path('a.yaml'), host.path('z.yaml'));
    await check(context, 'a.yaml', 'nothing', host => host.moveIn('a.yaml', 'other'), linked);
    const moved: Change = async host => {
      await rename(host.path('a.yaml'), join(host.base, 'elsewhere'));
      await symlink(join(host.base, 'elsewhere'), host.path('a.yaml'));
    };
    await check(context, 'a.yaml', 'nothing', host => host.moveIn('team/b.yaml', 'x'), moved);
  });
});

suite('an edit that touches nobody else', { concurrency: 4 }, () => {
  const two = {
    'a.yaml': manifestText('a', address('10.0.0.2')),
    'b.yaml': manifestText('b', address('10.0.0.3')),
  };
  const start = async (context: Parameters<typeof SourceHost.start>[0]) => {
    const host = await SourceHost.start(context, { files: two });
    // What was recorded by the first is judged by the second, and from then on nothing is left to do.
    await host.source.rescan();
    return host;
  };

  test('is on disk, and in force after a kill -9', async context => {
    const host = await start(context);
    await host.moveIn('a.yaml', edited('a', address('10.0.0.2')));
    await isTakenIn(host, 'a');
    assert.deepEqual(host.triggered, ['a']);
    assert.match(await readFile(join(host.stateDirectory, 'accepted/a.json'), 'utf8'), /"Never"/);
    await host.startSource();
    await isTakenIn(host, 'a');
    const desired = host.source.desired('a');
    assert.equal(desired.state === 'present' && desired.generation, 2);
  });

  test('is followed by others like it, and by others that are not', async context => {
    const host = await start(context);
    await host.moveIn('a.yaml', edited('a', address('10.0.0.2')));
    await isTakenIn(host, 'a');
    await host.moveIn('b.yaml', edited('b', address('10.0.0.3')));
    await isTakenIn(host, 'b');
    await host.moveIn('c.yaml', manifestText('c', address('10.0.0.2')));
    await eventually(() => host.problems().length > 0, { everyMs: 5 });
    assert.match(host.problems().join(), /10\.0\.0\.2 is the localAddress of "a"/);
    await host.moveIn('a.yaml', edited('a', address('10.0.0.4')));
    await eventually(() => host.state('c') === 'present', { everyMs: 5 });
    assert.deepEqual(host.problems(), []);
  });

  test('is what the next one is judged by', async context => {
    const host = await start(context);
    await host.moveIn('a.yaml', edited('a', address('10.0.0.2')));
    await isTakenIn(host, 'a');
    const judged = host.source.judge([
      { file: host.path('d.yaml'), text: manifestText('d', address('10.0.0.2')) },
    ]);
    assert.equal(judged[0]?.problems.length, 1);
    assert.deepEqual(await host.source.rescan(), []);
  });

  test('and comes with a file that others may write is not taken in', async context => {
    const host = await start(context);
    await chmod(host.path('b.yaml'), 0o666);
    await host.moveIn('a.yaml', edited('a', address('10.0.0.2')));
    await isTakenIn(host, 'a');
    await host.source.rescan();
    assert.equal(host.state('b'), 'present, with problems');
    assert.match(host.problems().join(), /writable by others/);
  });

  test('does not hide a name that was found on the host in the middle of its scan', async context => {
    const host = await SourceHost.prepare(context);
    await mkdir(host.directory);
    for (const [file, text] of Object.entries(two)) await host.moveIn(file, text);
    let hear: () => void = () => undefined;
    const { directory, stateDirectory } = host;
    const log = pino({ level: 'silent' });
    const options = {
      directory,
      stateDirectory,
      ownerUid: OWNER,
      hostName: 'h',
      bootId: 'b',
      hostLinkName,
      log,
    };
    const scanner = new Scanner(options, { wake: () => hear(), wakeInFirst: () => undefined });
    context.after(() => scanner.deafen());
    const scanAll = () => {
      scanner.lookAtEverything();
      return scanner.scan();
    };
    scanner.adopt([]);
    await scanAll();
    await scanner.listens();
    for (let round = 0; round < 3; round++) await scanAll();

    const heard = new Promise<void>(resolve => {
      hear = resolve;
    });
    await host.moveIn('a.yaml', edited('a', address('10.0.0.2')));
    await heard;
    const scan = scanner.scan();
    scanner.adopt(['stranger']);
    assert.deepEqual(await scan, ['a']);
    await scanAll();
    assert.ok(scanner.desired.has('stranger'));
  });
});

test('the watch names the file that was moved in, and says nothing else', async context => {
  const host = await SourceHost.prepare(context);
  await mkdir(host.directory);
  for (const file of ['a.yaml', 'b.yaml']) await host.moveIn(file, 'x');
  const { watchPoints } = await listDirectory(host.directory, OWNER);
  const heard: (string | null)[] = [];
  const watch = new DirectoryWatch(realPath => heard.push(realPath), pino({ level: 'silent' }));
  context.after(() => watch.close());
  watch.follow(watchPoints);
  await watch.ready();
  // What comes of the first has come when the second is heard.
  for (const file of ['a.yaml', 'b.yaml']) {
    await host.moveIn(file, 'other');
    await eventually(() => heard.includes(host.path(file)), { everyMs: 5 });
  }
  assert.deepEqual([...new Set(heard)], [host.path('a.yaml'), host.path('b.yaml')]);
});
