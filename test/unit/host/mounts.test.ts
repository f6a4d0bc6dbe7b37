import assert from 'node:assert/strict';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isKernelOnly } from '../../../src/host/kernel-only.ts';
import { guestMounts, hostMounts } from '../../../src/host/mounts.ts';
import { inspectRoot } from '../../../src/host/root-removal.ts';
import { scratch } from './scratch.ts';
import { unshared } from './unshared.ts';

const skip = process.getuid?.() !== 0 && 'only root has mounts of its own';

/** A process with mounts of its own, 2^`doublings` more than the host's; it tells when it has them. */
async function withMounts(context: TestContext, doublings: number): Promise<number> {
  const directory = await scratch(context);
  // Names as long as a line of the kernel's takes, so that few mounts do.
  const deep = join(directory, ...Array.from({ length: 12 }, () => 'x'.repeat(240)));
  await mkdir(deep, { recursive: true });
  return unshared(
    context,
    `
    mount -t tmpfs none '${deep}' && mount --make-shared '${deep}' || exit 1
    i=0; while [ $i -lt ${doublings} ]; do mount --bind '${deep}' '${deep}' || exit 1; i=$((i + 1)); done`,
  );
}

test("a guest's mounts are those of its own", { skip }, async t => {
  const mounts = await guestMounts(await withMounts(t, 1));
  const own = (await hostMounts()).length;
  assert.ok(mounts !== null && mounts.length > own, `${mounts?.length} of ${own}`);
  assert.ok(mounts.some(({ mountPoint, type }) => type === 'tmpfs' && mountPoint.endsWith('x')));
});

test('a guest with more mounts than can be looked through has none that is trusted', { skip }, async t => {
  const directory = await scratch(t);
  const [few, many] = [await withMounts(t, 0), await withMounts(t, 9)];
  assert.equal(await guestMounts(many), null);
  const trusts = async (pid: number) => {
    const root = await open(`/proc/${pid}/root${directory}`, 0o10000000);
    try {
      return await isKernelOnly(root, pid);
    } finally {
      await root.close();
    }
  };
  assert.deepEqual([await trusts(few), await trusts(many)], [true, false]);
});

test('of more than a bound nothing is said, and a root that they may be of is kept', { skip }, async t => {
  const root = join(await scratch(t), 'root');
  await mkdir(root);
  // Not as many as would keep the roots of others on this machine, whose tests run beside this one.
  const pid = await withMounts(t, 9);
  assert.equal((await inspectRoot(root))?.objection, null);
  const { objection, maySubside } = (await inspectRoot(root, 1024 * 1024)) ?? {};
  assert.deepEqual(
    [objection, maySubside],
    [`process ${pid} has more mounts than can be looked through; end it first`, true],
  );
});

test('a process that is gone has none', async () => {
  assert.deepEqual(await guestMounts(2 ** 22 + 1), []);
});
