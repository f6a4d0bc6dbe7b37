import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { run } from '../../../src/host/command.ts';
import { openGuestTerminals } from '../../../src/host/guest-terminals.ts';
import { unshared } from './unshared.ts';

const skip = process.getuid?.() !== 0 && 'only root has mounts of its own';
const DEV = 'mount -t tmpfs none /dev && mkdir /dev/pts';
const DEVPTS = 'mount -t devpts -o newinstance,ptmxmode=666 none /dev/pts';

test("a terminal that a program of the host's makes is the guest's", { skip }, async t => {
  const leader = await unshared(t, `${DEV} && ${DEVPTS}`);
  const terminals = await openGuestTerminals(leader);
  assert.ok(terminals !== null);
  const before = await readdir('/dev/pts');
  const inside = `ls /proc/${leader}/root/dev/pts; ls -l /dev/pts/ >/dev/null && echo x >/dev/null`;
  const [program = '', ...args] = [...terminals.making, 'script', '-qec', inside, '/dev/null'];
  // The first is the bus.
  const [maker = 0, directory = 0] = terminals.descriptors;
  const { stdout } = await run(program, args, { descriptors: [maker, maker, directory] });
  assert.deepEqual(stdout.trim().split(/\s+/), ['0', 'ptmx']);
  assert.deepEqual(await readdir('/dev/pts'), before);
  await terminals.close();
});

test('what a guest has put in the place of its terminals is not opened', { skip }, async t => {
  for (const instead of [
    DEV,
    `${DEV} && mknod /dev/pts/ptmx c 5 2`,
    `${DEV} && ${DEVPTS} && touch /dev/file && mount --bind /dev/file /dev/pts/ptmx`,
    `${DEV} && ${DEVPTS} && mknod /dev/null c 1 3 && mount --bind /dev/null /dev/pts/ptmx`,
    `${DEV} && rmdir /dev/pts && ln -s /proc/1/root/dev/pts /dev/pts`,
  ])
    assert.equal(await openGuestTerminals(await unshared(t, instead)), null, instead);
});
