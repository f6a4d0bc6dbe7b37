import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findLent, selectorOf } from '../../../src/host/find-lent.ts';
import type { IpDevice } from '../../../src/host/ip-device.ts';
import type { LentRecord } from '../../../src/host/lent-record.ts';

/** A network card as the host had it, and as it is in the guest. */
const CARD: IpDevice = {
  index: 5,
  name: 'eth1',
  kind: '',
  parentIndexElsewhere: null,
  address: '52:54:00:00:00:01',
  permanentAddress: '',
  mtu: 1500,
  alias: '',
  isUp: true,
  isLoopback: false,
};
const RECORD: LentRecord = {
  name: 'eth1',
  kind: '',
  hostIndex: 5,
  guestIndex: 7,
  address: CARD.address,
  permanentAddress: CARD.address,
  mtu: 1500,
  alias: '',
  isUp: true,
};
const VIRTUAL = { kind: 'veth', permanentAddress: '' } as const;

function check(
  expected: string,
  inSandbox: readonly Partial<IpDevice>[],
  onHost: readonly Partial<IpDevice>[],
  record: Partial<LentRecord> = {},
): void {
  const whole = (devices: readonly Partial<IpDevice>[]) => devices.map(device => ({ ...CARD, ...device }));
  const place = findLent({ ...RECORD, ...record }, whole(inSandbox), whole(onHost));
  assert.equal(place.is === 'lost' ? 'lost' : `${place.is} ${place.device.name}`, expected);
}

describe('an interface that was lent', () => {
  test('is found by its index in the guest, whatever it is called and addressed there', () => {
    check('sandbox eth1', [{ index: 7 }], []);
    const disguised = {
      index: 7,
      name: 'x\ufffd"',
      address: '02:00:00:00:00:09',
      permanentAddress: CARD.address,
    };
    check('sandbox x\ufffd"', [{ index: 1, name: 'eth1', kind: 'bridge' }, disguised], []);
  });
  test('is not what the guest has put in its place', () => {
    check('lost', [{ index: 9, name: 'eth1', kind: '' }], []);
    check('lost', [{ index: 7, kind: 'dummy' }], []);
    check('lost', [{ index: 7, address: '02:00:00:00:00:09' }], []);
    check('lost', [{ index: 7, kind: 'bridge' }], [], { ...VIRTUAL });
  });
  test('is found by its name where it was only just moved', () => {
    check('sandbox eth1', [{ index: 8 }], [], { guestIndex: null });
    check('sandbox renamed', [{ index: 5, name: 'renamed' }], [], { guestIndex: null });
  });
  test('is on the host under its name, or under another when the kernel took it back from a dead namespace', () => {
    check('host eth1', [], [{}]);
    check('host wan0', [], [{ name: 'eth0', address: '52:54:00:00:00:02' }, { name: 'wan0' }]);
    check('host eth1', [], [VIRTUAL], VIRTUAL);
  });
  test('is lost where a virtual one is nowhere: others of its kind are others', () => {
    check('lost', [], [{ ...VIRTUAL, name: 'eth2' }], VIRTUAL);
    check('lost', [], [{ name: 'eth1', kind: 'bridge' }]);
  });
});

test('a device is called by its index where its name could mean something else', () => {
  assert.equal(selectorOf(CARD), 'eth1');
  for (const name of ['', 'a"b', '-x', 'a\ufffd', '#', 'a b'])
    assert.equal(selectorOf({ ...CARD, name }), 'if5', name);
});
