import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openGuestSocket } from '../../../src/host/guest-node.ts';
import { pathOfHandle } from '../../../src/host/open-below.ts';
import { runByCommandSocket } from '../../../src/host/run-command-socket.ts';

/** A socket somewhere in this process' own root, as in a guest's. */
const servers: Server[] = [];
let directory = '';
before(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'nspawnd-host-')));
});
after(async () => {
  await rm(directory, { recursive: true, force: true });
  for (const server of servers) server.close();
});

async function serve(path: string, answer: (said: string) => string | null): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    let said = '';
    socket.on('data', data => {
      said += String(data);
    });
    socket.on('end', () => {
      const text = answer(said);
      if (text !== null) socket.end(text);
    });
    socket.on('error', () => undefined);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(path, resolve));
}

/** The path below our own root: `/proc/PID/root` is it. */
const open = (path: string) => openGuestSocket(process.pid, path.replace(/^\//, ''));

describe("a socket below a guest's root", () => {
  test('is opened, and spoken to, also when it was moved meanwhile', async () => {
    const path = join(directory, 'socket');
    await serve(path, said => said.replace(/^(.*)\necho "(\S+) .*\n$/, 'ran $1\n$2 3\n'));
    const handle = await open(path);
    assert.ok(handle !== null);
    await rename(path, `${path}.moved`);
    await symlink('/run/dbus/system_bus_socket', path);
    const ended = await runByCommandSocket(pathOfHandle(handle), 'do it', 5000);
    await handle.close();
    assert.deepEqual(ended, { output: 'ran do it\n', exitCode: 3, isTimedOut: false });
  });
  test('is none where a link is in the way, or something else', async () => {
    const path = join(directory, 'real');
    await mkdir(path);
    await serve(join(path, 'socket'), () => '');
    await symlink('real', join(directory, 'linked'));
    await symlink('socket', join(path, 'link'));
    await writeFile(join(path, 'file'), '');
    for (const wrong of [
      'linked/socket',
      'real/link',
      'real/file',
      'real/nothing',
      'nowhere/socket',
      'real/file/x',
    ])
      assert.equal(await open(join(directory, wrong)), null, wrong);
    const right = await open(join(path, 'socket'));
    assert.ok(right !== null);
    await right.close();
  });
  test('is none of a process that is gone', async () => {
    assert.equal(await openGuestSocket(2 ** 22 + 1, 'var/lib/run-command.socket'), null);
  });
});

describe('a command by the run-command socket', () => {
  test('without a status of its own has none', async () => {
    const path = join(directory, 'mute');
    await serve(path, () => 'done\n');
    const ended = await runByCommandSocket(path, 'do it', 5000);
    assert.deepEqual(ended, { output: 'done\n', exitCode: null, isTimedOut: false });
  });
  test('that does not end is given up', async () => {
    const path = join(directory, 'hangs');
    await serve(path, () => null);
    assert.equal((await runByCommandSocket(path, 'do it', 50)).isTimedOut, true);
  });
  test('leaves the end of what it said, however much that was', async () => {
    const path = join(directory, 'chatty');
    await serve(path, () => `${'x'.repeat(1_000_000)}\nthe end\n`);
    const { output } = await runByCommandSocket(path, 'do it', 5000);
    assert.ok(output.endsWith('the end\n') && output.length <= 16 * 1024);
  });
});
