import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { suite, test } from 'node:test';
import { HostAddresses } from '../../../src/manifests/host-addresses.ts';

suite("the host's addresses", () => {
  test('are those it has', async () => {
    const addresses = new HostAddresses();
    await addresses.look(60_000);
    const expected = Object.entries(networkInterfaces()).flatMap(([link, some = []]) =>
      link.startsWith('ve-') ? [] : some.map(({ address }) => address),
    );
    assert.deepEqual([...addresses.known()].sort(), [...new Set(expected)].sort());
    assert.ok(addresses.known().has('127.0.0.1'));
  });

  test('are the old ones while the kernel does not answer, and one question waits for it', async () => {
    let asked = 0;
    let answer: (addresses: readonly string[]) => void = () => {};
    const addresses = new HostAddresses(() => {
      asked++;
      if (asked === 1) return Promise.resolve(['192.0.2.1']);
      return new Promise(resolve => {
        answer = resolve;
      });
    });
    await addresses.look();
    await addresses.look(5);
    await addresses.look(5);
    assert.equal(asked, 2);
    assert.deepEqual([...addresses.known()], ['192.0.2.1']);
    answer(['192.0.2.2']);
    await addresses.look();
    assert.deepEqual([...addresses.known()], ['192.0.2.2']);
  });

  test('are asked for again only when the tables of the kernel have changed', async () => {
    let asked = 0;
    let tables = 'as they are';
    const addresses = new HostAddresses(
      () => Promise.resolve([`192.0.2.${++asked}`]),
      () => tables,
    );
    await addresses.look();
    await addresses.look();
    assert.equal(asked, 1);
    tables = 'with one more';
    await addresses.look();
    assert.deepEqual([...addresses.known()], ['192.0.2.2']);
  });
});
