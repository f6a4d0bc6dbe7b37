import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fieldsAt, type JsonObject } from '../../../src/api/manifest.ts';
import { canonicalJson, specHash } from '../../../src/api/spec-hash.ts';
import { type ChangeClass, changeClassOf, launchHash, specChanges } from '../../../src/planning/change.ts';
import { manifestOf, webManifest } from './base-state.ts';

/** What each field's change costs, said a second time: a slip in the product's table is a surprise restart. */
const COSTS: Readonly<Record<string, ChangeClass>> = {
  root: 'restart',
  path: 'reload',
  config: 'reload',
  flake: 'reload',
  update: 'live',
  command: 'restart',
  environment: 'restart',
  autoStart: 'live',
  dependsOn: 'live',
  priority: 'live',
  restartPolicy: 'live',
  restartIfChanged: 'live',
  privateNetwork: 'restart',
  hostAddress: 'live',
  localAddress: 'live',
  hostAddress6: 'live',
  localAddress6: 'live',
  macvlans: 'restart',
  interfaces: 'restart',
  ephemeral: 'restart',
  volatile: 'restart',
  readiness: 'restart',
  startupProbe: 'live',
  readinessProbe: 'live',
  livenessProbe: 'live',
  timeoutStartSec: 'live',
  timeoutStopSec: 'live',
  rollback: 'live',
  progressDeadlineSeconds: 'live',
  resolvConf: 'restart',
  guestHosts: 'restart',
  hostsAlias: 'live',
  extraFlags: 'restart',
};

/** The changes from one spec to another, one line each. */
function check(before: JsonObject | null, after: JsonObject, expected: readonly string[]): void {
  const found = specChanges(before, after);
  assert.deepEqual(
    found.map(change => `${change.field}: ${change.before} -> ${change.after} (${change.changeClass})`),
    expected,
  );
}

test('an equal spec; nothing changes', () => check({ root: '/srv/a' }, { root: '/srv/a' }, []));

test('every field of the schema has a cost', () => {
  assert.deepEqual([...fieldsAt(['spec'])].sort(), Object.keys(COSTS).sort());
  for (const [field, cost] of Object.entries(COSTS)) assert.equal(changeClassOf(field), cost, field);
});

test('a field that nobody knows costs a restart', () => assert.equal(changeClassOf('later'), 'restart'));

test('changes are listed by field, with what was and what is', () => {
  check(
    { root: '/srv/a', volatile: 'overlay', localAddress: '10.0.0.2' },
    { root: '/srv/b', localAddress: '10.0.0.3', environment: { B: '2', A: '1' } },
    [
      'spec.environment: null -> {"A":"1","B":"2"} (restart)',
      'spec.localAddress: "10.0.0.2" -> "10.0.0.3" (live)',
      'spec.root: "/srv/a" -> "/srv/b" (restart)',
      'spec.volatile: "overlay" -> null (restart)',
    ],
  );
});

test('another system from Nix is reloaded; a tree that becomes one is another guest', () => {
  check({ path: '/srv/a' }, { path: '/srv/b', update: 'none' }, [
    'spec.path: "/srv/a" -> "/srv/b" (reload)',
    'spec.update: null -> "none" (live)',
  ]);
  check({ path: '/srv/a' }, { flake: '/srv/b' }, [
    'spec.flake: null -> "/srv/b" (reload)',
    'spec.path: "/srv/a" -> null (reload)',
  ]);
  check({ root: '/srv/a' }, { root: '/srv/a', path: '/srv/b' }, ['spec.path: null -> "/srv/b" (restart)']);
});

test('a new spec is all new', () =>
  check(null, { root: '/srv/a' }, ['spec.root: null -> "/srv/a" (restart)']));

test('the order inside a field is no change', () => {
  check({ environment: { A: '1', B: '2' } }, { environment: { B: '2', A: '1' } }, []);
});

describe('the launch hash', () => {
  const same = (a: JsonObject, b: JsonObject) => launchHash(webManifest(a)) === launchHash(webManifest(b));
  test('stays when only live fields change', () => {
    assert.ok(same({}, { restartPolicy: 'Always', timeoutStopSec: 5, localAddress: '10.0.0.9' }));
  });
  test('stays when only the system from Nix changes, and not when there was none', () => {
    const nix = (path: string) => launchHash(manifestOf('web', { path }));
    assert.equal(nix('/nix/a'), nix('/nix/b'));
    assert.equal(nix('/nix/a'), launchHash(manifestOf('web', { config: '{ }' })));
    assert.notEqual(
      launchHash(manifestOf('web', { root: '/srv/web' })),
      launchHash(manifestOf('web', { root: '/srv/web', path: '/nix/a' })),
    );
  });
  test('changes with a field that takes a restart', () => {
    assert.ok(!same({}, { volatile: 'overlay' }));
  });
  test('is over what was written, so that a new default restarts nothing', () => {
    assert.ok(!same({}, { volatile: 'no' }));
  });
});

describe('the spec hash', () => {
  test('is what it was in every earlier version: it is on disk and in running guests', () => {
    assert.equal(specHash({}), 'v1-44136fa355b3678a');
    assert.equal(
      specHash({ root: '/var/lib/machines/web', environment: { A: '1' } }),
      manifestOf('other', { environment: { A: '1' }, root: '/var/lib/machines/web' }).specHash,
    );
    assert.equal(specHash({ root: '/var/lib/machines/web' }), 'v1-777908db2780629f');
  });
  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), value => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        assert.equal(specHash(turned as JsonObject), specHash(value as JsonObject));
      }),
    );
  });
  test('differs whenever the values differ', () => {
    const json = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
    fc.assert(
      fc.property(json, json, (a, b) => {
        const isEqual = canonicalJson(a as JsonObject) === canonicalJson(b as JsonObject);
        assert.equal(specHash(a as JsonObject) === specHash(b as JsonObject), isEqual);
      }),
    );
  });
  test('keeps the order of a list, which means something', () => {
    assert.notEqual(specHash({ command: ['a', 'b'] }), specHash({ command: ['b', 'a'] }));
  });
});
