import { remembered } from './remembered.ts';

/** The host side's link name, so that everything that knows `ve-NAME` from `--network-veth` finds it. */
export function hostLinkName(name: string): string {
  return shortLinkName(fullLinkName(name));
}

/** What `--network-macvlan=INTERFACE` calls the guest's link. */
export function macvlanName(hostInterface: string): string {
  return shortLinkName(fullMacvlanName(hostInterface));
}

export function fullMacvlanName(hostInterface: string): string {
  return `mv-${hostInterface}`;
}

/**
 * nspawn's own rule: up to 15 characters a link is called as it is; beyond, by the first 11 characters and 24 bits of
 * SipHash-2-4 in URL-safe base64. Source: systemd, src/nspawn/nspawn-network.c, shorten_ifname(); systemd#3846.
 */
function shortLinkName(full: string): string {
  return full.length <= MAX_LINK_NAME ? full : shortened(full);
}

/** Every look at a container asks for its link. */
const shortened = remembered((full: string): string => {
  const hash = siphash24(HASH_KEY, Buffer.from(full));
  const tail = [18n, 12n, 6n, 0n].map(shift => BASE64_URL[Number((hash >> shift) & 63n)]).join('');
  return full.slice(0, MAX_LINK_NAME - 4) + tail;
});

/** What the link would be called if the kernel had no limit: its altname where it had to be shortened. */
export function fullLinkName(name: string): string {
  return `ve-${name}`;
}

/** IFNAMSIZ - 1. */
const MAX_LINK_NAME = 15;
const BASE64_URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** SHORTEN_IFNAME_HASH_KEY. */
const HASH_KEY = Buffer.from('e190a404a8ef4b518cccc33a9f11fca2', 'hex');

const MASK = (1n << 64n) - 1n;

/** SipHash-2-4 (Aumasson, Bernstein 2012), 64-bit result. */
function siphash24(key: Buffer, data: Buffer): bigint {
  const k0 = key.readBigUInt64LE(0);
  const k1 = key.readBigUInt64LE(8);
  const v = {
    a: k0 ^ 0x736f6d6570736575n,
    b: k1 ^ 0x646f72616e646f6dn,
    c: k0 ^ 0x6c7967656e657261n,
    d: k1 ^ 0x7465646279746573n,
  };
  const rotate = (x: bigint, bits: bigint) => ((x << bits) | (x >> (64n - bits))) & MASK;
  const round = () => {
    v.a = (v.a + v.b) & MASK;
    v.b = rotate(v.b, 13n) ^ v.a;
    v.a = rotate(v.a, 32n);
    v.c = (v.c + v.d) & MASK;
    v.d = rotate(v.d, 16n) ^ v.c;
    v.a = (v.a + v.d) & MASK;
    v.d = rotate(v.d, 21n) ^ v.a;
    v.c = (v.c + v.b) & MASK;
    v.b = rotate(v.b, 17n) ^ v.c;
    v.c = rotate(v.c, 32n);
  };
  const padded = Buffer.alloc(Math.floor(data.length / 8) * 8 + 8);
  data.copy(padded);
  padded[padded.length - 1] = data.length & 0xff;
  for (let offset = 0; offset < padded.length; offset += 8) {
    const word = padded.readBigUInt64LE(offset);
    v.d ^= word;
    round();
    round();
    v.a ^= word;
  }
  v.c ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v.a ^ v.b ^ v.c ^ v.d;
}
