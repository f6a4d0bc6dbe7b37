import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChange } from '../../../src/host/network-monitor.ts';

test('a change of the network is about a link of the host, or about a namespace', () => {
  const about = {
    '[nsid current]345: ve-web@if2: <BROADCAST,UP> mtu 1500 qdisc noop state DOWN': { link: 've-web' },
    '[nsid current]345: ve-web    inet 10.0.0.1/32 scope global ve-web': { link: 've-web' },
    '[nsid current]Deleted 10.0.0.2 dev ve-web proto 78 scope link src 10.0.0.1': { link: 've-web' },
    '7: eth1: <BROADCAST> mtu 1500': { link: 'eth1' },
    '[nsid 3]2: eth0    inet 10.0.0.2/32 scope global eth0': { namespaceId: 3 },
    '[nsid 3]Deleted default via 10.0.0.1 dev eth0 proto 78': { namespaceId: 3 },
    '[nsid 3]2: eth0    inet6 fd00::2/128 scope global': { namespaceId: 3 },
    '[nsid current]10.0.0.0/8 via 192.0.2.1 dev eth1': null,
  };
  for (const [line, change] of Object.entries(about)) assert.deepEqual(parseChange(line), change, line);
});

test('what a link gives itself for IPv6 is no news', () => {
  for (const line of [
    '[nsid current]345: ve-web    inet6 fe80::e826:1ff:fe58:6e5c/64 scope link proto kernel_ll',
    '[nsid 0]Deleted 2: eth0    inet6 fe80::a88f:3fff:fe7e:b0b5/64 scope link proto kernel_ll',
    '[nsid current]local fe80::e826:1ff:fe58:6e5c dev ve-web table local proto kernel metric 0 pref medium',
    '[nsid current]anycast fe80:: dev ve-web table local proto kernel metric 0 pref medium',
    '[nsid 0]fe80::/64 dev eth0 proto kernel metric 256 pref medium',
    '[nsid 0]multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium',
  ])
    assert.equal(parseChange(line), null, line);
});
