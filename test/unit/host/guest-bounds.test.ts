import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundsOfGuest } from '../../../src/host/guest-bounds.ts';
import { unshared } from './unshared.ts';

const skip = process.getuid?.() !== 0 && 'only root has mounts of its own';
const STATUS = 'Name:\tsystemd\nCapBnd:\t00000000fdecafff\nNoNewPrivs:\t0\n';

test('what a guest may is told by its init', { skip }, async t => {
  const like = await unshared(t, 'true');
  const bounds = { boundingSet: '00000000fdecafff', hasNoNewPrivileges: false, sharesUsers: true };
  assert.deepEqual(await boundsOfGuest(like, STATUS), bounds);
  const own = await unshared(t, 'true', ['--user', '--map-root-user']);
  assert.deepEqual(await boundsOfGuest(own, STATUS), { ...bounds, sharesUsers: false });
  const forbidden = await boundsOfGuest(like, STATUS.replace('NoNewPrivs:\t0', 'NoNewPrivs:\t1'));
  assert.equal(forbidden?.hasNoNewPrivileges, true);
  assert.equal(await boundsOfGuest(like, 'Name:\tsystemd\n'), null);
  assert.equal(await boundsOfGuest(2 ** 22 + 1, STATUS), null, 'of one that is gone');
});
