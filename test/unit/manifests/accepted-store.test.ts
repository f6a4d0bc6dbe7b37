import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { fromRecord, toRecord } from '../../../src/manifests/accepted-record.ts';
import { AcceptedStore } from '../../../src/manifests/accepted-store.ts';
import type { AcceptedVersion } from '../../../src/manifests/accepted-version.ts';
import { tombstone } from '../../../src/manifests/decide.ts';
import { parseText } from '../../../src/manifests/parse.ts';
import { manifestText } from './manifest-text.ts';

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

function version(name: string): AcceptedVersion {
  const file = `/etc/nspawnd/manifests/${name}.yaml`;
  const [document] = parseText({ file, text: manifestText(name, { environment: { PASSWORD: 'x' } }) });
  assert.ok(document?.manifest);
  return {
    name,
    file,
    manifest: document.manifest,
    generation: 3,
    createdAt: '2024-01-01T00:00:00.000Z',
    removedAt: null,
  };
}

async function directory(context: TestContext): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'nspawnd-accepted-'));
  context.after(() => rm(base, { recursive: true, force: true }));
  return join(base, 'accepted');
}

async function loaded(path: string): Promise<AcceptedStore> {
  const store = new AcceptedStore(path, QUIET);
  await store.load();
  return store;
}

suite('accepted versions', () => {
  test('come back as they were', async context => {
    const path = await directory(context);
    const first = await loaded(path);
    const gone = tombstone('gone', version('gone'), '2024-02-02T00:00:00.000Z');
    const stranger = tombstone('stranger', null, '2024-02-02T00:00:00.000Z');
    assert.equal((await first.save([version('a'), gone, stranger])).size, 0);
    await first.idle();
    const second = await loaded(path);
    assert.deepEqual(Object.fromEntries(second.versions), { a: version('a'), gone, stranger });
    assert.deepEqual((await readdir(path)).sort(), ['a.json', 'gone.json', 'stranger.json']);
  });

  test('are readable by their owner only', async context => {
    const path = await directory(context);
    const store = await loaded(path);
    await store.save([version('a')]);
    await store.idle();
    assert.equal((await stat(join(path, 'a.json'))).mode & 0o777, 0o600);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  });

  test('that are broken on disk are known, not used, and left where they are', async context => {
    const path = await directory(context);
    const store = await loaded(path);
    await store.save([version('good'), version('cut'), version('odd'), version('old')]);
    await store.idle();
    const whole = await readFile(join(path, 'cut.json'), 'utf8');
    await writeFile(join(path, 'cut.json'), whole.slice(0, 50));
    await writeFile(join(path, 'odd.json'), '[]');
    await writeFile(
      join(path, 'old.json'),
      whole.replace('"root"', '"rootOfOldTimes"').replaceAll('"cut"', '"old"'),
    );
    await writeFile(join(path, 'empty.json'), '');
    await writeFile(join(path, 'NOT A NAME.json'), '{}');
    await writeFile(join(path, 'good.json.new'), 'half a fi');
    const again = await loaded(path);
    assert.deepEqual([...again.versions.keys()], ['good']);
    assert.deepEqual([...again.unreadable].sort(), ['cut', 'empty', 'odd', 'old']);
    assert.equal(await readFile(join(path, 'cut.json'), 'utf8'), whole.slice(0, 50));
  });

  test('of another name or format are not read', () => {
    const text = toRecord(version('a'));
    assert.notEqual(fromRecord('a', text), null);
    assert.equal(fromRecord('b', text), null);
    assert.equal(fromRecord('a', text.replace('"format": 1', '"format": 2')), null);
    assert.equal(fromRecord('a', text.replace('"generation": 3', '"generation": "3"')), null);
    assert.equal(fromRecord('a', 'null'), null);
  });

  test('cut off anywhere are refused, never half read', () => {
    const text = toRecord(version('a')).trimEnd();
    for (let length = 0; length < text.length; length++)
      assert.equal(fromRecord('a', text.slice(0, length)), null);
  });

  test('that cannot be written are not kept', async context => {
    const path = await directory(context);
    await writeFile(path, 'a file where the directory should be');
    const store = await loaded(path);
    const failures = await store.save([version('a')]);
    assert.deepEqual([...failures.keys()], ['a']);
    assert.equal(store.versions.size, 0);
  });

  test('are removed only as tombstones: what is in force again stays', async context => {
    const path = await directory(context);
    const store = await loaded(path);
    const gone = tombstone('a', version('a'), '2024-02-02T00:00:00.000Z');
    await store.save([gone]);
    await Promise.all([store.save([version('a')]), store.remove('a')]);
    assert.deepEqual([...(await loaded(path)).versions.values()], [version('a')]);
    await store.save([gone]);
    await store.remove('a');
    await store.remove('a');
    assert.equal(store.versions.size, 0);
    assert.deepEqual(await readdir(path), []);
  });

  test('that cannot be listed are started without', async context => {
    const path = await directory(context);
    await writeFile(path, '');
    await chmod(path, 0o600);
    assert.equal((await loaded(path)).versions.size, 0);
  });
});
