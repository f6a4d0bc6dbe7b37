import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Listing } from '../../../src/manifests/directory.ts';
import { parseText } from '../../../src/manifests/parse.ts';
import { isSameSight, type Sight } from '../../../src/manifests/sight.ts';
import type { FileView } from '../../../src/manifests/snapshot.ts';
import { manifestText } from './manifest-text.ts';

const documentsOf = (name: string) => parseText({ file: `${name}.yaml`, text: manifestText(name) });
const [a, b] = [documentsOf('a'), documentsOf('b')];
const [broken] = parseText({ file: 'c.yaml', text: '{' });
const [otherwise] = parseText({ file: 'c.yaml', text: 'kind: Pod' });
assert.ok(broken !== undefined && otherwise !== undefined);

const listing: Listing = {
  state: 'ok',
  message: '',
  realPath: '/manifests',
  identity: '1:2',
  candidates: [],
  refused: [],
  watchPoints: [],
};
const files: readonly FileView[] = [
  { is: 'settled', path: 'a.yaml', documents: a },
  { is: 'settled', path: 'b.yaml', documents: b },
  { is: 'refused', path: 'c.yaml', document: broken },
];
const hostAddresses = new Set(['192.0.2.1']);
const sight: Sight = {
  snapshot: { listing, files, dueInMs: null },
  versions: 1,
  roots: 1,
  hostAddresses,
  hostNames: ['found'],
  isHostListed: true,
};
const withListing = (change: Partial<Listing>): Sight => ({
  ...sight,
  snapshot: { ...sight.snapshot, listing: { ...listing, ...change } },
});
const withFile = (index: number, file: FileView): Sight => ({
  ...sight,
  snapshot: { ...sight.snapshot, files: files.with(index, file) },
});

test('what was not read again is the same sight, whatever was made anew to show it', () => {
  const again: Sight = {
    ...sight,
    hostNames: [...sight.hostNames],
    snapshot: { listing: { ...listing }, files: files.map(file => ({ ...file })), dueInMs: null },
  };
  assert.ok(isSameSight(sight, again));
});

const OTHERS: Readonly<Record<string, Sight>> = {
  'a version was recorded': { ...sight, versions: 2 },
  'a root leads elsewhere': { ...sight, roots: 2 },
  'the addresses of the host are others': { ...sight, hostAddresses: new Set(hostAddresses) },
  'another name was found on the host': { ...sight, hostNames: ['other'] },
  'one more name was found on the host': { ...sight, hostNames: ['found', 'other'] },
  'the host was not listed yet': { ...sight, isHostListed: false },
  'the directory is missing': withListing({ state: 'missing' }),
  'the directory says something else': withListing({ message: 'no' }),
  'the directory is elsewhere': withListing({ realPath: '/other' }),
  'the directory is another': withListing({ identity: '1:3' }),
  'a file was read again': withFile(0, { is: 'settled', path: 'a.yaml', documents: documentsOf('a') }),
  'a file has another name': withFile(0, { is: 'settled', path: 'z.yaml', documents: a }),
  'a file is being written': withFile(0, { is: 'pending', path: 'a.yaml', former: a }),
  'a file is refused': withFile(1, { is: 'refused', path: 'b.yaml', document: broken }),
  'a file is refused for another reason': withFile(2, {
    is: 'refused',
    path: 'c.yaml',
    document: otherwise,
  }),
  'a file is gone': { ...sight, snapshot: { ...sight.snapshot, files: files.slice(1) } },
};
for (const [what, other] of Object.entries(OTHERS))
  test(`another sight: ${what}`, () => assert.ok(!isSameSight(sight, other)));

test('what is being written is never the same', () => {
  const writing = withFile(0, { is: 'pending', path: 'a.yaml', former: a });
  assert.ok(!isSameSight(writing, writing));
});
