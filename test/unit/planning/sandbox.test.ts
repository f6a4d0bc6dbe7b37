import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/api/manifest.ts';
import type { LinkFacts, SandboxFacts } from '../../../src/planning/observed.ts';
import { isSandboxGone, isSandboxUsed, sandboxDrift, sandboxSpec } from '../../../src/planning/sandbox.ts';
import type { SandboxSpec } from '../../../src/planning/step.ts';
import {
  downAsDesired,
  EARLIER_INVOCATION,
  guestLinkWith,
  manifestOf,
  NO_SANDBOX,
  nothingYet,
  runningAsDesired,
  webManifest,
} from './base-state.ts';

/** What of this sandbox drifts from what the web server wants. */
function check(
  expected: readonly string[],
  change: (facts: SandboxFacts) => Partial<SandboxFacts> = () => ({}),
): void {
  const { sandbox } = runningAsDesired();
  const facts = { ...sandbox, ...change(sandbox) };
  assert.deepEqual(sandboxDrift(sandboxSpec(webManifest(), facts), facts), expected);
}

function checkSpec(name: string, spec: JsonObject, expected: Partial<SandboxSpec>): void {
  const manifest = manifestOf(name, { root: '/srv/root', privateNetwork: true, ...spec });
  const found = sandboxSpec(manifest, NO_SANDBOX);
  const looked = Object.fromEntries(Object.keys(expected).map(key => [key, found[key as keyof SandboxSpec]]));
  assert.deepEqual(looked, expected);
}

const withHost = (change: Partial<LinkFacts>) => (facts: SandboxFacts) => ({
  hostLink: facts.hostLink && { ...facts.hostLink, ...change },
});
const withGuest = (change: Partial<LinkFacts>) => (facts: SandboxFacts) => ({
  guestLink: guestLinkWith(facts, () => change),
});

test('everything is as desired; nothing drifts', () => check([]));

describe('drift is', () => {
  test('no namespace', () => check(['there is no namespace'], () => ({ namespace: 'absent' })));
  test('a stale namespace', () => check(['the namespace is stale'], () => ({ namespace: 'stale' })));
  test('a missing host end', () => check(['the veth pair is missing'], () => ({ hostLink: null })));
  test('a missing guest end', () => check(['the veth pair is missing'], () => ({ guestLink: null })));
  test('a host link that is down', () => check(['the host link is down'], withHost({ isUp: false })));
  test('a guest link that is down', () => check(['the guest link is down'], withGuest({ isUp: false })));
  test('settings of the host link', () => {
    check(["the host link's settings differ"], withHost({ areSettingsRight: false }));
  });
  test('a missing host address', () => {
    check(['missing host address 10.231.136.1/32'], withHost({ addresses: [] }));
  });
  test('a host address with another prefix', () => {
    check(
      ['missing host address 10.231.136.1/32', 'stale host address 10.231.136.1/24'],
      withHost({ addresses: ['10.231.136.1/24'] }),
    );
  });
  test('a host address that is not ours to have', () => {
    check(['stale host address 10.9.9.9/32'], withHost({ addresses: ['10.231.136.1/32', '10.9.9.9/32'] }));
  });
  test('a missing host route', () => check(['missing host route 10.231.136.2'], withHost({ routes: [] })));
  test('a host route that nobody wants', () => {
    check(['stale host route 10.9.9.9'], withHost({ routes: ['10.231.136.2', '10.9.9.9'] }));
  });
  test('a missing guest address', () => {
    check(['missing guest address 10.231.136.2/32'], withGuest({ addresses: ['10.5.5.5/24'] }));
  });
  test('a missing guest route', () => {
    check(['missing guest route default via 10.231.136.1'], withGuest({ routes: ['10.231.136.1'] }));
  });
  test("an address that is no longer the guest's", () => {
    check(['stale guest address 10.231.136.7/32'], () => ({ guard: ['10.231.136.2', '10.231.136.7'] }));
  });
  test('a missing source guard', () =>
    check(['missing source guard for 10.231.136.2'], () => ({ guard: [] })));
  test('nothing of a guest end that cannot be read, and what else there is', () => {
    check(['missing host route 10.231.136.2'], facts => ({
      ...withHost({ routes: [] })(facts),
      guestLink: 'unreadable',
    }));
  });
  test('not what the guest added on its own side', () => {
    check(
      [],
      withGuest({
        addresses: ['10.231.136.2/32', '10.5.5.5/24'],
        routes: ['10.231.136.1', 'default via 10.231.136.1', '10.6.0.0/16'],
      }),
    );
  });
});

describe('the sandbox of a manifest', () => {
  test('has both families on both sides', () => {
    checkSpec(
      'web',
      {
        hostAddress: '10.0.0.1',
        localAddress: '10.0.0.2',
        hostAddress6: 'fd00:0::1',
        localAddress6: 'FD00::2',
      },
      {
        hostLink: 've-web',
        hostAltName: null,
        alias: 'nspawnd:web',
        hostAddresses: ['10.0.0.1/32', 'fd00::1/128'],
        hostRoutes: ['10.0.0.2', 'fd00::2'],
        guestAddresses: ['10.0.0.2/32', 'fd00::2/128'],
        guestRoutes: ['10.0.0.1', 'default via 10.0.0.1', 'fd00::1', 'default via fd00::1'],
        guard: ['10.0.0.2', 'fd00::2'],
        staleGuestAddresses: [],
      },
    );
  });
  test('may have only the host side', () => {
    checkSpec(
      'web',
      { hostAddress: '10.0.0.1' },
      {
        hostAddresses: ['10.0.0.1/32'],
        hostRoutes: [],
        guestAddresses: [],
        guestRoutes: ['10.0.0.1', 'default via 10.0.0.1'],
        guard: [],
      },
    );
  });
  test('may have only the guest side', () => {
    checkSpec(
      'web',
      { localAddress6: 'fd00::2' },
      {
        hostAddresses: [],
        hostRoutes: ['fd00::2'],
        guestAddresses: ['fd00::2/128'],
        guestRoutes: [],
        guard: ['fd00::2'],
      },
    );
  });
  test('may have no addresses at all', () => {
    checkSpec(
      'web',
      {},
      { hostAddresses: [], hostRoutes: [], guestAddresses: [], guestRoutes: [], guard: [] },
    );
  });
  test('of a long name keeps the full one as altname', () => {
    checkSpec('a-rather-long-name', {}, { hostAltName: 've-a-rather-long-name' });
  });
});

test('a sandbox is gone when neither its namespace, its link nor its guard is there, or somebody else has them', () => {
  const { name, sandbox } = runningAsDesired();
  const isGone = (facts: Partial<SandboxFacts>) => isSandboxGone(name, { ...NO_SANDBOX, ...facts });
  assert.equal(isGone({}), true);
  assert.equal(isGone({ namespace: 'foreign' }), true);
  assert.equal(isGone({ namespace: 'stale' }), false);
  assert.equal(isGone({ guard: ['10.0.0.2'] }), false);
  assert.equal(isGone({ hostLink: sandbox.hostLink }), false);
  assert.ok(sandbox.hostLink !== null);
  for (const alias of ['', 'nspawnd:another'])
    assert.equal(isGone({ hostLink: { ...sandbox.hostLink, alias } }), true, `a link marked "${alias}"`);
});

test('a sandbox is used when a run ended after it was built', () => {
  const down = downAsDesired();
  const builtAfter = (run: string | null) => ({ ...down, sandbox: { ...down.sandbox, builtAfter: run } });
  assert.equal(isSandboxUsed(builtAfter(EARLIER_INVOCATION)), false);
  assert.equal(isSandboxUsed(builtAfter('the run before')), true);
  assert.equal(isSandboxUsed(builtAfter('')), true);
  assert.equal(isSandboxUsed(builtAfter(null)), false);
  assert.equal(isSandboxUsed(nothingYet()), false);
  assert.equal(isSandboxUsed(runningAsDesired()), false);
});
