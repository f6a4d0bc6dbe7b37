import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readBelow } from '../../../src/host/guest-files.ts';
import { parsePublicKey, readHostKeys } from '../../../src/host/host-keys.ts';
import { eventually } from '../../testbed/eventually.ts';
import { scratch } from './scratch.ts';

const KEY = `ssh-ed25519 ${'A'.repeat(68)}`;

test('a file of a guest is read below its root', async context => {
  const root = await scratch(context);
  await mkdir(join(root, 'etc/ssh'), { recursive: true });
  await writeFile(join(root, 'etc/ssh/x'), 'text');
  assert.equal(await readBelow(root, ['etc', 'ssh', 'x'], 100), 'text');
  assert.equal(await readBelow(root, ['etc', 'ssh', 'y'], 100), null);
  assert.equal(await readBelow(root, ['etc', 'ssh', 'x', 'deeper'], 100), null);
  assert.equal(await readBelow(join(root, 'missing'), ['x'], 100), null);
});

test('no link is followed, at no place of the path', async context => {
  const directory = await scratch(context);
  await mkdir(join(directory, 'host/ssh'), { recursive: true });
  await writeFile(join(directory, 'host/ssh/key'), 'secret');
  const root = join(directory, 'guest');
  await mkdir(join(root, 'etc/ssh'), { recursive: true });
  await symlink(join(directory, 'host/ssh/key'), join(root, 'etc/ssh/key'));
  assert.equal(await readBelow(root, ['etc', 'ssh', 'key'], 100), null);
  await symlink(join(directory, 'host/ssh'), join(root, 'etc/ssh2'));
  assert.equal(await readBelow(root, ['etc', 'ssh2', 'key'], 100), null);
  await rename(join(root, 'etc'), join(root, 'was'));
  await symlink(join(directory, 'host'), join(root, 'etc'));
  assert.equal(await readBelow(root, ['etc', 'ssh', 'key'], 100), null);
  await symlink(join(directory, 'host'), join(directory, 'link'));
  assert.equal(await readBelow(join(directory, 'link'), ['ssh', 'key'], 100), null);
});

test('only a regular file of bounded length is read, and nothing is waited for', async context => {
  const root = await scratch(context);
  execFileSync('mkfifo', [join(root, 'fifo')]);
  await mkdir(join(root, 'directory'));
  await writeFile(join(root, 'long'), 'x'.repeat(101));
  for (const name of ['fifo', 'directory', 'long']) assert.equal(await readBelow(root, [name], 100), null);
  assert.equal((await readBelow(root, ['long'], 101))?.length, 101);
});

test('what is no regular file is not even opened', async context => {
  const root = await scratch(context);
  const fifo = join(root, 'fifo');
  execFileSync('mkfifo', [fifo]);
  // It waits for somebody to open the other end.
  const writer = spawn('sh', ['-c', 'echo x >"$0"', fifo], { stdio: 'ignore' });
  try {
    const isWaiting = async () =>
      /fifo_open|wait_for_partner/.test(await readFile(`/proc/${writer.pid}/wchan`, 'utf8'));
    await eventually(isWaiting, { describe: 'the writer to wait' });
    assert.equal(await readBelow(root, ['fifo'], 100), null);
    assert.equal(writer.exitCode, null);
    assert.ok(await isWaiting());
  } finally {
    writer.kill();
  }
});

test('host keys are shown without what a guest wrote beside them', async context => {
  const root = await scratch(context);
  assert.deepEqual(await readHostKeys(root), []);
  await mkdir(join(root, 'etc/ssh'), { recursive: true });
  await writeFile(join(root, 'etc/ssh/ssh_host_ed25519_key.pub'), `${KEY} root@web\u001b]0;x\u0007\nmore`);
  await writeFile(join(root, 'etc/ssh/ssh_host_rsa_key.pub'), 'ssh-rsa \u001b[2J');
  await writeFile(join(root, 'etc/ssh/ssh_host_ed25519_key'), 'private');
  assert.deepEqual(await readHostKeys(root), [KEY]);
});

test('what is no public key is none', () => {
  assert.equal(
    parsePublicKey(`ecdsa-sha2-nistp256 ${'B'.repeat(140)}= c\n`),
    `ecdsa-sha2-nistp256 ${'B'.repeat(140)}=`,
  );
  for (const text of [
    '',
    'ssh-rsa',
    'ssh-rsa AAAA',
    `-----BEGIN ${'A'.repeat(64)}`,
    ` ${KEY}`,
    `${KEY}\u001b[2J`,
  ])
    assert.equal(parsePublicKey(text), null, JSON.stringify(text));
});
