import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NAME_MAX_LENGTH } from '../../../src/api/name.ts';
import { fullLinkName, hostLinkName } from '../../../src/planning/link-name.ts';

/** What `systemd-nspawn --network-veth -M NAME` really called its link; [ran] on systemd 257. */
const SEEN: Readonly<Record<string, string>> = {
  web: 've-web',
  'exactly-12ch': 've-exactly-12ch',
  exactly13char: 've-exactly1M3AY',
  'a-rather-long-name': 've-a-ratherOg1k',
  'database-primary-eu-west-1': 've-databaseRYqN',
  'database-primary-eu-west-2': 've-databasestWX',
  'xn--mller-kva-und-soehne': 've-xn--mlleW8HQ',
  '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde': 've-01234567yBL5',
};

for (const [name, link] of Object.entries(SEEN)) {
  test(`the link of ${name} is nspawn's: ${link}`, () => assert.equal(hostLinkName(name), link));
}

test('a link name fits the kernel and begins like the full name', () => {
  const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, { maxLength: NAME_MAX_LENGTH });
  fc.assert(
    fc.property(name, value => {
      const link = hostLinkName(value);
      assert.ok(link.length <= 15);
      assert.match(link, /^ve-[-\w]+$/);
      const full = fullLinkName(value);
      if (full.length <= 15) assert.equal(link, full);
      else assert.equal(link.slice(0, 11), full.slice(0, 11));
    }),
  );
});
