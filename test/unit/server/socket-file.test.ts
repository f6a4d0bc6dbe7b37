import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { NspawndError } from '../../../src/errors.ts';
import { startServer } from '../../../src/server/server.ts';
import { eventually } from '../../testbed/eventually.ts';
import { ask, openWatch } from './ask.ts';
import { ControlModel } from './control-model.ts';
import { serve, temporaryDirectory } from './serving.ts';

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const isRoot = process.getuid?.() === 0;
const OTHER_GROUP = isRoot ? 54_321 : (process.getgid?.() ?? 0);

describe('the sockets', () => {
  it('are root only and in a directory everybody may enter, whatever the umask and the directory were', async t => {
    const directory = join(await temporaryDirectory(t), 'run');
    await mkdir(directory);
    await chmod(directory, 0o777);
    const old = process.umask(0);
    t.after(() => process.umask(old));
    const { rootSocket, readSocket } = await serve(t, { directory });
    assert.equal(await modeOf(directory), '755');
    assert.equal(await modeOf(rootSocket), '600');
    assert.equal(await modeOf(readSocket), '600');
    assert.deepEqual((await readdir(directory)).sort(), ['nspawnd.sock', 'read.sock']);
  });

  it('let the configured group read, and only read', async t => {
    const { rootSocket, readSocket } = await serve(t, { readGroupId: OTHER_GROUP });
    assert.equal(await modeOf(readSocket), '660');
    assert.equal((await stat(readSocket)).gid, OTHER_GROUP);
    assert.equal(await modeOf(rootSocket), '600');
    if (isRoot) assert.notEqual((await stat(rootSocket)).gid, OTHER_GROUP);
  });

  it('are made anew in a directory that does not exist yet', async t => {
    const directory = join(await temporaryDirectory(t), 'a', 'b');
    const { rootSocket } = await serve(t, { directory });
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
  });

  it('replace a stale socket that nobody answers on', async t => {
    const directory = await temporaryDirectory(t);
    for (const name of ['nspawnd.sock', 'read.sock']) await leaveStaleSocket(join(directory, name));
    const { rootSocket, readSocket } = await serve(t, { directory });
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
    assert.equal((await ask(readSocket, 'GET', '/healthz')).code, 200);
  });

  it('are not taken from a daemon that answers, which goes on answering', async t => {
    const { directory, rootSocket, control } = await serve(t);
    control.put('web');
    await assert.rejects(
      startSecond(t, directory),
      (error: unknown) =>
        error instanceof NspawndError && error.code === 'FileError' && /another nspawnd/.test(error.message),
    );
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
    assert.equal((await lstat(rootSocket)).isSocket(), true);
  });

  it('do not replace what is not a socket', async t => {
    const directory = await temporaryDirectory(t);
    await writeFile(join(directory, 'read.sock'), 'precious');
    await assert.rejects(startSecond(t, directory), /not a socket/);
    // The first of the two was already open, and is gone again.
    assert.deepEqual(await readdir(directory), ['read.sock']);
  });

  it('survive the leftovers of a start that was killed half way', async t => {
    const directory = await temporaryDirectory(t);
    await mkdir(join(directory, '.listening'));
    await leaveStaleSocket(join(directory, '.listening', 'socket'));
    const { rootSocket } = await serve(t, { directory });
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
    assert.deepEqual((await readdir(directory)).sort(), ['nspawnd.sock', 'read.sock']);
  });

  it('are gone after close, at once even with open watches and a request in work; twice is as good as once', async t => {
    const { server, directory, rootSocket, readSocket, control } = await serve(t);
    const watches = [await openWatch(rootSocket), await openWatch(readSocket)];
    const paused = await openWatch(rootSocket);
    paused.pause();
    let isAsked = false;
    control.onPreview = () => {
      isAsked = true;
      return new Promise(() => {});
    };
    const inWork = ask(rootSocket, 'GET', '/apis/nspawnd.io/v1alpha1/preview').catch(() => 'cut');
    await eventually(() => isAsked, { everyMs: 2 });
    const start = performance.now();
    await server.close();
    // Nobody waits for the request, which would take half a minute.
    assert.ok(performance.now() - start < 5_000, `took ${performance.now() - start} ms`);
    await server.close();
    assert.deepEqual(await readdir(directory), []);
    assert.equal(await inWork, 'cut');
    await eventually(() => watches.every(watch => watch.isComplete()), { everyMs: 2 });
    assert.equal(control.watcherCount(), 0);
  });

  it('leave the sockets of a successor alone when they close late', async t => {
    const first = await serve(t);
    const { directory, rootSocket } = first;
    // The successor's sockets are in the same place by the time the first one closes.
    const aside = await serve(t);
    const { rename } = await import('node:fs/promises');
    await rename(aside.rootSocket, rootSocket);
    await first.server.close();
    assert.deepEqual(await readdir(directory), ['nspawnd.sock']);
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
  });
});

async function startSecond(t: TestContext, runtimeDirectory: string): Promise<void> {
  const log = { info: () => {}, error: () => {} };
  const server = await startServer({
    control: new ControlModel(),
    metrics: { text: async () => ({ contentType: '', text: '' }) },
    runtimeDirectory,
    stateDirectory: runtimeDirectory,
    readGroupId: null,
    writeGroupId: null,
    tcp: null,
    version: '0',
    log,
  });
  // It was not supposed to start, but if it does it must not stay.
  t.after(() => server.close());
}

/** What a killed daemon leaves: the file of a socket whose listener is gone. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { link, unlink } = await import('node:fs/promises');
  const server = createServer();
  await new Promise<void>(resolve => server.listen(`${path}.live`, resolve));
  await link(`${path}.live`, path);
  await new Promise(resolve => server.close(resolve));
  await unlink(`${path}.live`).catch(() => {});
}
