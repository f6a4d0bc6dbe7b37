import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { distrust, distrustParent } from '../../../src/manifests/trust.ts';

suite('trust', () => {
  test('root and the configured user may own, and nobody else may write', () => {
    assert.equal(distrust('/m', { uid: 0, mode: 0o100644 }, 1000), null);
    assert.equal(distrust('/m', { uid: 1000, mode: 0o100600 }, 1000), null);
    assert.equal(distrustParent('/', { uid: 0, mode: 0o40755 }, 1000), null);
  });
  test('another owner is refused with the command that mends it', () => {
    assert.equal(
      distrust('/m/a b', { uid: 7, mode: 0o644 }, 0),
      "/m/a b belongs to user 7; run: chown 0 '/m/a b'",
    );
    assert.equal(distrust('/m', { uid: 1000, mode: 0o644 }, 0), '/m belongs to user 1000; run: chown 0 /m');
  });
  test('group and world write are refused with the command that mends it', () => {
    for (const mode of [0o664, 0o646, 0o666])
      assert.match(
        distrust('/m', { uid: 0, mode }, 0) ?? '',
        /^\/m is writable by others .* run: chmod go-w \/m$/,
      );
  });
  test('a sticky directory may be on the way, as /tmp is, but is no manifests directory', () => {
    assert.equal(distrustParent('/tmp', { uid: 0, mode: 0o41777 }, 0), null);
    assert.notEqual(distrust('/tmp', { uid: 0, mode: 0o41777 }, 0), null);
    assert.notEqual(distrustParent('/tmp', { uid: 7, mode: 0o41777 }, 0), null);
    assert.notEqual(distrustParent('/srv', { uid: 0, mode: 0o40777 }, 0), null);
  });
});
