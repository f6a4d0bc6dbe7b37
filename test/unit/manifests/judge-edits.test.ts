import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { AcceptedVersion } from '../../../src/manifests/accepted-version.ts';
import type { World } from '../../../src/manifests/contender.ts';
import { type Decision, decide } from '../../../src/manifests/decide.ts';
import type { Listing } from '../../../src/manifests/directory.ts';
import { type EditDecision, editsBetween, judgeEdits } from '../../../src/manifests/judge-edits.ts';
import { parseText } from '../../../src/manifests/parse.ts';
import type { FileView, Snapshot } from '../../../src/manifests/snapshot.ts';
import { noStatus } from '../../../src/manifests/status.ts';
import { survey } from '../../../src/manifests/survey.ts';
import type { Desired } from '../../../src/planning/desired.ts';
import { hostLinkName } from '../../../src/planning/link-name.ts';
import { manifestText } from './manifest-text.ts';

type Texts = Readonly<Record<string, string>>;

const WORLD: World = {
  hostName: 'testhost.example.org',
  hostLinkName,
  hostAddresses: new Set(['192.0.2.1']),
  realRoot: root => (root.startsWith('/alias/') ? root.replace('/alias', '/srv') : root),
  reservedDirectories: ['/etc/nspawnd/manifests'],
};
const LISTING: Listing = {
  state: 'ok',
  message: '',
  realPath: '/m',
  identity: '1:1',
  candidates: [],
  refused: [],
  watchPoints: [],
};
const FIRST_AT = '2026-01-01T00:00:00.000Z';
const EDITED_AT = '2026-01-02T00:00:00.000Z';

function snapshotOf(texts: Texts, former?: Snapshot): Snapshot {
  const files = Object.entries(texts).map(([path, text]): FileView => {
    const documents = parseText({ file: path, text });
    const known = former?.files.find(file => file.path === path);
    const isSame = known?.is === 'settled' && former !== undefined && TEXTS.get(known) === text;
    const view: FileView = isSame ? known : { is: 'settled', path, documents };
    TEXTS.set(view, text);
    return view;
  });
  return { listing: LISTING, files, dueInMs: null };
}

const TEXTS = new WeakMap<FileView, string>();

/** A directory that was scanned, with what was recorded, until nothing was left to do. */
class Scanned {
  readonly versions: Map<string, AcceptedVersion>;
  readonly snapshot: Snapshot;
  readonly decision: Decision;

  constructor(texts: Texts, before?: Scanned, nowText = FIRST_AT) {
    this.versions = new Map(before?.versions);
    this.snapshot = snapshotOf(texts, before?.snapshot);
    let decision = this.#decide(before?.decision.desired ?? new Map(), nowText);
    const keep = [...decision.keep];
    while (decision.keep.length > 0) {
      for (const version of decision.keep) this.versions.set(version.name, version);
      decision = this.#decide(decision.desired, nowText);
    }
    this.decision = { ...decision, keep };
  }

  #decide(previous: ReadonlyMap<string, Desired>, nowText: string): Decision {
    const found = survey(this.snapshot, this.versions, new Set());
    const { versions } = this;
    return decide({ survey: found, fate: new Map(), versions, world: WORLD, previous, nowText });
  }

  /** By the short way; null where it is not to be gone. */
  edit(texts: Texts): EditDecision | null {
    const { problems, contenders } = this.decision;
    const view = {
      status: { ...noStatus('/m'), problems },
      canTellAbsence: true,
      contenders,
      world: WORLD,
    };
    const edits = editsBetween(this.snapshot, snapshotOf(texts, this.snapshot));
    return judgeEdits(edits, { view, versions: this.versions, nowText: EDITED_AT });
  }
}

/** The short way comes to what the long one does, for everybody. */
function checkSame(before: Scanned, texts: Texts, short: EditDecision): void {
  const { decision, versions } = new Scanned(texts, before, EDITED_AT);
  assert.deepEqual(decision.problems, []);
  assert.deepEqual(new Map([...before.decision.desired, ...short.desired]), decision.desired);
  assert.deepEqual(byName(short.keep), byName(decision.keep));
  assert.deepEqual(byName(short.contenders), byName(decision.contenders));
  for (const version of short.keep) assert.deepEqual(version, versions.get(version.name));
}

const byName = <T extends { readonly name: string }>(list: readonly T[]) =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1));

const A = { privateNetwork: true, localAddress: '10.0.0.2', hostAddress: '10.0.0.1' };
const B = { privateNetwork: true, localAddress: '10.0.0.3', hostAddress: '10.0.0.1' };
const TWO = { 'a.yaml': manifestText('a', A), 'b.yaml': manifestText('b', B) };

function check(edit: Texts, expected: 'short' | 'long', texts: Texts = TWO): void {
  const before = new Scanned(texts);
  const after = { ...texts, ...edit };
  const short = before.edit(after);
  assert.equal(short === null ? 'long' : 'short', expected);
  if (short !== null) checkSame(before, after, short);
}

const ofA = (spec: object, name = 'a') => ({ 'a.yaml': manifestText(name, { ...A, ...spec }) });

suite('an edit is judged by itself', () => {
  test('when it wants what it wanted before', () => {
    check(ofA({ environment: { X: '1' } }), 'short');
    check(ofA({ restartPolicy: 'Never' }), 'short');
  });
  test('when it says the same in other words, or stands elsewhere in its file', () => {
    check({ 'a.yaml': `\n\n${manifestText('a', A)}` }, 'short');
  });
  test('one of several in a file, too', () => {
    const both = (b: Readonly<Record<string, unknown>>) => ({
      'x.yaml': [manifestText('a', A), manifestText('b', b)].join('---\n'),
    });
    check(both({ ...B, environment: { X: '1' } }), 'short', both(B));
    check({ 'x.yaml': manifestText('b', B) }, 'long', both(B));
  });
});

suite('an edit is judged with all others', () => {
  test('when it wants something else', () => {
    check(ofA({ localAddress: '10.0.0.4' }), 'long');
    check(ofA({ localAddress: '10.0.0.3' }), 'long');
    check(ofA({ root: '/srv/a' }), 'long');
    check(ofA({ volatile: 'overlay' }), 'long');
    check(ofA({ dependsOn: ['b'] }), 'long');
    check(ofA({ macvlans: ['eth1'] }), 'long');
    check(ofA({ privateNetwork: false }), 'long');
  });
  test('when it is another, broken or gone', () => {
    check(ofA({}, 'c'), 'long');
    const plain = (name: string) => ({ 'a.yaml': manifestText(name, { root: '/srv/a' }) });
    check(plain('c'), 'long', plain('a'));
    check(ofA({ nonsense: 1 }), 'long');
    check({ 'a.yaml': '' }, 'long');
  });
  test('while anybody has a problem', () => {
    check(ofA({ restartPolicy: 'Never' }), 'long', {
      ...TWO,
      'c.yaml': manifestText('c', { ...A, root: '/srv/c' }),
    });
    check(ofA({ restartPolicy: 'Never' }), 'long', { ...TWO, 'c.yaml': 'spec: [' });
  });
  test('while anybody is leaving', () => {
    const before = new Scanned(TWO);
    const version = before.versions.get('b');
    assert.ok(version);
    before.versions.set('b', { ...version, removedAt: FIRST_AT });
    const { 'b.yaml': _, ...rest } = TWO;
    const left = new Scanned(rest, before);
    assert.equal(left.edit({ ...rest, ...ofA({ restartPolicy: 'Never' }) }), null);
  });
  test('when its spec was tried in vain', () => {
    const scanned = new Scanned(TWO);
    const version = scanned.versions.get('a');
    assert.ok(version?.rollout);
    const refused = { specHash: 'v1-0', at: FIRST_AT, because: 'it failed', lines: [] };
    scanned.versions.set('a', { ...version, rollout: { ...version.rollout, refused } });
    assert.equal(scanned.edit({ ...TWO, ...ofA({ restartPolicy: 'Never' }) }), null);
  });
});

suite('whatever is edited', () => {
  const spec = fc.record(
    {
      privateNetwork: fc.constant(true),
      localAddress: fc.constantFrom(...[1, 2, 3, 4, 5, 6].map(last => `10.0.0.${last}`)),
      hostAddress: fc.constantFrom('10.0.0.1', '10.0.0.200'),
      root: fc.constantFrom('/srv/a', '/srv/b', '/srv/c', '/alias/a', '/srv/d'),
      volatile: fc.constantFrom('no', 'overlay'),
      dependsOn: fc.constantFrom([], ['a'], ['b']),
      restartPolicy: fc.constantFrom('Never', 'Always'),
      macvlans: fc.constantFrom([], ['eth1']),
    },
    { requiredKeys: ['privateNetwork'] },
  );
  const texts = fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 })
    .chain(list => fc.tuple(...list.map(name => fc.tuple(fc.constant(name), spec))));

  test('the short way, where it is gone, comes to what the long one does', () => {
    let short = 0;
    fc.assert(
      fc.property(texts, fc.nat(), spec, fc.boolean(), (list, at, other, isSlight) => {
        const before = new Scanned(
          Object.fromEntries(list.map(([name, of]) => [`${name}.yaml`, manifestText(name, of)])),
        );
        const [name, was] = list[at % list.length] ?? ['a', {}];
        const edited = isSlight ? { ...was, environment: { X: '1' } } : other;
        const after = Object.fromEntries(
          list.map(([one, of]) => [`${one}.yaml`, manifestText(one, one === name ? edited : of)]),
        );
        const decision = before.edit(after);
        if (decision === null) return;
        short += 1;
        checkSame(before, after, decision);
      }),
      { numRuns: 300 },
    );
    assert.ok(short > 10, `${short} short ways`);
  });
});
