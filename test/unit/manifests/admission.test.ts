import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../../src/api/problem.ts';
import type { AcceptedVersion } from '../../../src/manifests/accepted-version.ts';
import { admit } from '../../../src/manifests/admission.ts';
import type { Contender, World } from '../../../src/manifests/contender.ts';
import type { ParsedDocument } from '../../../src/manifests/document.ts';
import { parseText } from '../../../src/manifests/parse.ts';
import { hostLinkName } from '../../../src/planning/link-name.ts';
import { manifestText } from './manifest-text.ts';

type Spec = Readonly<Record<string, unknown>>;

const WORLD: World = {
  hostName: 'testhost.example.org',
  hostLinkName,
  hostAddresses: new Set(['192.0.2.1', '2001:db8::1', '127.0.0.1']),
  realRoot: root => (root.startsWith('/alias/') ? root.replace('/alias', '/srv') : root),
  reservedDirectories: ['/etc/nspawnd/manifests', '/var/lib/nspawnd'],
};

function document(name: string, spec: Spec, file = `${name}.yaml`): ParsedDocument {
  const [parsed] = parseText({ file, text: manifestText(name, spec) });
  assert.ok(parsed);
  return parsed;
}

function accepted(name: string, spec: Spec, file = `${name}.yaml`): AcceptedVersion {
  const { manifest } = document(name, spec, file);
  assert.ok(manifest, `the accepted version of ${name} must be valid`);
  return { name, file, manifest, generation: 1, createdAt: '2024-01-01T00:00:00Z', removedAt: null };
}

/** One name: what the directory says now, and what was in force before. */
function contender(name: string, now: Spec | null, before: Spec | null = null): Contender {
  return {
    name,
    documents: now === null ? [] : [document(name, now)],
    accepted: before === null ? null : accepted(name, before),
    isLeaving: false,
  };
}

const address = (local: string, host?: string): Spec => ({
  privateNetwork: true,
  localAddress: local,
  ...(host === undefined ? {} : { hostAddress: host }),
});

/** Each name as `ORIGIN` with its problems. */
function show(contenders: readonly Contender[], world = WORLD): Readonly<Record<string, readonly string[]>> {
  const lines = [...admit(contenders, world)].map(([name, verdict]) => {
    const problems = verdict.objections.map(({ problem }) => formatProblem(problem));
    const waits = verdict.waitsFor === null ? [] : [verdict.waitsFor];
    return [name, [verdict.origin, ...problems, ...waits]] as const;
  });
  return Object.fromEntries(lines);
}

function check(
  contenders: readonly Contender[],
  expected: Readonly<Record<string, readonly string[]>>,
): void {
  assert.deepEqual(show(contenders), expected);
  assert.deepEqual(show([...contenders].reverse()), expected, 'in reverse order');
}

suite('across manifests', () => {
  test('everybody has something of their own; nothing to object to', () =>
    check(
      [contender('a', address('10.0.0.2', '10.0.0.1')), contender('b', address('10.0.0.3', '10.0.0.1'))],
      {
        a: ['document'],
        b: ['document'],
      },
    ));

  test('a new manifest cannot take an address that is in use; both places are named', () =>
    check([contender('a', address('10.0.0.2')), contender('z', address('10.0.0.2'), address('10.0.0.2'))], {
      a: ['none', 'a.yaml:7:17: spec.localAddress: 10.0.0.2 is the localAddress of "z" (z.yaml:1)'],
      z: ['document'],
    }));

  test('of two new ones the earlier path has the address', () =>
    check([contender('b', address('10.0.0.2')), contender('a', address('10.0.0.2'))], {
      a: ['document'],
      b: ['none', 'b.yaml:7:17: spec.localAddress: 10.0.0.2 is the localAddress of "a" (a.yaml:1)'],
    }));

  test('two may swap their addresses in one commit', () =>
    check(
      [
        contender('a', address('10.0.0.3'), address('10.0.0.2')),
        contender('b', address('10.0.0.2'), address('10.0.0.3')),
      ],
      { a: ['document'], b: ['document'] },
    ));

  test('whoever wants what another keeps stays on its last good version', () =>
    check(
      [
        contender('a', address('10.0.0.3'), address('10.0.0.2')),
        contender('b', { ...address('10.0.0.3'), timeoutStopSec: 5 }, address('10.0.0.3')),
      ],
      {
        a: ['accepted', 'a.yaml:7:17: spec.localAddress: 10.0.0.3 is the localAddress of "b" (b.yaml:1)'],
        b: ['document'],
      },
    ));

  test('a chain of moves into a place that stays taken falls back as a whole', () =>
    check(
      [
        contender('a', address('10.0.0.3'), address('10.0.0.2')),
        contender('b', address('10.0.0.4'), address('10.0.0.3')),
        contender('c', address('10.0.0.4'), address('10.0.0.4')),
        contender('newcomer', address('10.0.0.2')),
      ],
      {
        a: ['accepted', 'a.yaml:7:17: spec.localAddress: 10.0.0.3 is the localAddress of "b" (b.yaml:1)'],
        b: ['accepted', 'b.yaml:7:17: spec.localAddress: 10.0.0.4 is the localAddress of "c" (c.yaml:1)'],
        c: ['document'],
        newcomer: [
          'none',
          'newcomer.yaml:7:17: spec.localAddress: 10.0.0.2 is the localAddress of "a" (a.yaml:1)',
        ],
      },
    ));

  test("an interface is only one guest's; both places are named", () =>
    check([contender('a', { interfaces: ['eth1'] }), contender('b', { interfaces: ['eth1', 'eth2'] })], {
      a: ['document'],
      b: ['none', 'b.yaml:6:15: spec.interfaces: eth1 is in interfaces of "a" (a.yaml:1)'],
    }));

  test('macvlans share an interface, but not with a guest that has it whole', () =>
    check(
      [
        contender('a', { macvlans: ['eth1'] }),
        contender('b', { macvlans: ['eth1'] }),
        contender('c', { interfaces: ['eth1'] }),
      ],
      {
        a: ['document'],
        b: ['document'],
        c: ['none', 'c.yaml:6:15: spec.interfaces: eth1 is in macvlans of "a" (a.yaml:1)'],
      },
    ));

  test('the link of another container is no interface to give', () =>
    check([contender('a', address('10.0.0.2')), contender('b', { interfaces: ['ve-a'] })], {
      a: ['document'],
      b: ['none', 'b.yaml:6:15: spec.interfaces: ve-a is the link of "a" (a.yaml:1)'],
    }));

  test('an address is the same however it is written', () =>
    check(
      [
        contender('a', { privateNetwork: true, localAddress6: 'fd00::2' }),
        contender('b', { privateNetwork: true, localAddress6: 'FD00:0:0::0002' }),
      ],
      {
        a: ['document'],
        b: ['none', 'b.yaml:7:18: spec.localAddress6: fd00::2 is the localAddress6 of "a" (a.yaml:1)'],
      },
    ));

  test('a localAddress differs from every hostAddress, whoever comes first', () =>
    check([contender('a', address('10.0.0.2', '10.0.0.1')), contender('b', address('10.0.0.1'))], {
      a: ['document'],
      b: ['none', 'b.yaml:7:17: spec.localAddress: 10.0.0.1 is the hostAddress of "a" (a.yaml:1)'],
    }));

  test('a localAddress is none of the host, but whoever had it before the host did keeps it', () => {
    check(
      [
        contender('a', address('192.0.2.1')),
        contender('b', { privateNetwork: true, localAddress6: '2001:db8::1' }),
      ],
      {
        a: ['none', 'a.yaml:7:17: spec.localAddress: 192.0.2.1 is an address of this host itself'],
        b: ['none', 'b.yaml:7:18: spec.localAddress6: 2001:db8::1 is an address of this host itself'],
      },
    );
    check([contender('a', address('192.0.2.1'), address('192.0.2.1'))], { a: ['document'] });
  });

  test("a hostAddress may be the host's own, and a container on the host's network has the host's addresses", () =>
    check(
      [
        contender('a', address('10.0.0.2', '192.0.2.1')),
        contender('b', { localAddress: '192.0.2.1' }),
        contender('c', { localAddress: '192.0.2.1' }),
      ],
      { a: ['document'], b: ['document'], c: ['document'] },
    ));

  test('link names that nspawn would shorten to the same are refused', () => {
    const world = { ...WORLD, hostLinkName: (name: string) => `ve-${name.slice(0, 3)}` };
    const both = [contender('abcd', { privateNetwork: true }), contender('abce', { privateNetwork: true })];
    assert.deepEqual(show(both, world), {
      abcd: ['document'],
      abce: [
        'none',
        'abce.yaml:3:19: metadata.name: its link would be called ve-abc, like that of "abcd" (abcd.yaml:1)',
      ],
    });
    assert.deepEqual(show([contender('abcd', {}), contender('abce', {})], world), {
      abcd: ['document'],
      abce: ['document'],
    });
  });
});

suite('a root', () => {
  const refused = (root: string) => show([contender('a', { root })]).a?.join(' ') ?? '';

  test('is the same, inside or around another only for those who throw theirs away', () => {
    check([contender('a', { root: '/srv/x' }), contender('b', { root: '/alias/x' })], {
      a: ['document'],
      b: ['none', 'b.yaml:5:9: spec.root: "/alias/x" overlaps "/srv/x", the root of "a" (a.yaml:1)'],
    });
    check([contender('a', { root: '/srv/x' }), contender('b', { root: '/srv/x/y', volatile: 'overlay' })], {
      a: ['document'],
      b: ['none', 'b.yaml:5:9: spec.root: "/srv/x/y" overlaps "/srv/x", the root of "a" (a.yaml:1)'],
    });
    check([contender('a', { root: '/srv/x/y' }), contender('b', { root: '/srv/x', ephemeral: true })], {
      a: ['document'],
      b: ['none', 'b.yaml:5:9: spec.root: "/srv/x" overlaps "/srv/x/y", the root of "a" (a.yaml:1)'],
    });
    check(
      [
        contender('a', { root: '/srv/x', ephemeral: true }),
        contender('b', { root: '/srv/x', volatile: 'state' }),
        contender('c', { root: '/srv/x', volatile: 'yes' }),
        contender('d', { root: '/srv/x' }),
      ],
      {
        a: ['document'],
        b: ['document'],
        c: ['document'],
        d: [
          'none',
          'd.yaml:5:9: spec.root: "/srv/x" is the root of "a" (a.yaml:1); only ephemeral or volatile containers can share one',
        ],
      },
    );
    check([contender('a', { root: '/srv/x' }), contender('b', { root: '/srv/xy' })], {
      a: ['document'],
      b: ['document'],
    });
  });

  test("is no directory of the host's own", () => {
    for (const root of [
      '/',
      '/usr',
      '/etc',
      '/var',
      '/bin',
      '/sbin',
      '/lib',
      '/lib64',
      '/boot',
      '/dev',
      '/proc',
      '/sys',
      '/run',
      '/home',
      '/root',
      '/opt',
      '/srv',
      '/tmp',
      '/var/lib',
      '/var/lib/machines',
    ])
      assert.match(refused(root), /^none .*spec\.root: .* guest's root$/, root);
    for (const root of ['/proc/1/root', '/sys/x', '/dev/shm/x', '/run/nspawnd/x', '/usr/lib/x'])
      assert.match(refused(root), /^none .* is below /, root);
    for (const root of [
      '/var/lib/machines/x',
      '/srv/x',
      '/home/x',
      '/opt/x',
      '/run/x',
      '/mnt',
      '/library',
      '/tmp/x',
    ])
      assert.equal(refused(root), 'document', root);
  });

  test('does not overlap the directories of nspawnd', () => {
    for (const root of [
      '/etc/nspawnd/manifests',
      '/etc/nspawnd',
      '/etc/nspawnd/manifests/x',
      '/var/lib/nspawnd/x',
    ])
      assert.match(refused(root), /^none .* which is nspawnd's own$/, root);
  });

  test('is judged by where it really is', () => {
    const world = { ...WORLD, realRoot: (root: string) => (root === '/srv/link' ? '/usr' : root) };
    const [origin, problem] = show([contender('a', { root: '/srv/link' })], world).a ?? [];
    assert.equal(origin, 'none');
    assert.match(problem ?? '', /leads to another place: "\/usr" belongs to the host/);
    assert.equal(show([contender('a', { root: '/srv/link' }, { root: '/srv/link' })], world).a?.[0], 'none');
  });
});

suite('a name', () => {
  test("is not localhost, the host's or a top-level domain", () => {
    for (const name of ['localhost', 'testhost', 'dev', 'org'])
      assert.equal(show([contender(name, {})])[name]?.[0], 'none', name);
    assert.equal(show([contender('webserver', {})]).webserver?.[0], 'document');
  });

  test("that becomes the host's own keeps its container as it is", () => {
    const shown = show([contender('testhost', { timeoutStopSec: 5 }, {})]).testhost;
    assert.deepEqual(shown, [
      'accepted',
      'testhost.yaml:3:19: metadata.name: "testhost" is this host\'s own name',
    ]);
  });

  const twice = (
    first: ParsedDocument,
    second: ParsedDocument,
    before: AcceptedVersion | null,
  ): Contender => ({
    name: 'a',
    documents: [first, second],
    accepted: before,
    isLeaving: false,
  });

  test('in two files belongs to the file it was accepted from', () => {
    const early = document('a', {}, '1.yaml');
    const late = document('a', { timeoutStopSec: 5 }, '2.yaml');
    const keeps = '1.yaml:3:19: metadata.name: "a" is also declared at 2.yaml:1, which keeps the name';
    check([twice(early, late, accepted('a', {}, '2.yaml'))], { a: ['document', keeps] });
    check([twice(late, early, accepted('a', { timeoutStopSec: 9 }, '2.yaml'))], { a: ['document', keeps] });
  });

  test('in two new files belongs to the earlier path', () =>
    check([twice(document('a', {}, '2.yaml'), document('a', {}, '1.yaml'), null)], {
      a: ['document', '2.yaml:3:19: metadata.name: "a" is also declared at 1.yaml:1, which keeps the name'],
    }));

  test('in a renamed file and a new one belongs to the one that says the same as before', () =>
    check(
      [
        twice(
          document('a', { timeoutStopSec: 5 }, '1.yaml'),
          document('a', {}, '2.yaml'),
          accepted('a', {}, 'old.yaml'),
        ),
      ],
      {
        a: ['document', '1.yaml:3:19: metadata.name: "a" is also declared at 2.yaml:1, which keeps the name'],
      },
    ));

  test('in a broken incumbent stays there, with the last good version', () => {
    const [broken] = parseText({ file: '2.yaml', text: `${manifestText('a')}  bad: 1\n` });
    assert.ok(broken);
    check([twice(document('a', {}, '1.yaml'), broken, accepted('a', {}, '2.yaml'))], {
      a: [
        'accepted',
        '2.yaml:6:3: spec.bad: unknown field',
        '1.yaml:3:19: metadata.name: "a" is also declared at 2.yaml:1, which keeps the name',
      ],
    });
  });
});

suite('a container on its way out', () => {
  test('still has its address: the next one waits, without any blame', () => {
    const leaving: Contender = { ...contender('a', null, address('10.0.0.2')), isLeaving: true };
    check([leaving, contender('b', address('10.0.0.2'))], {
      a: ['accepted'],
      b: ['none', 'waits until "a" is gone, whose localAddress is 10.0.0.2'],
    });
    check([leaving, contender('b', { root: '/var/lib/machines/a' })], {
      a: ['accepted'],
      b: ['none', 'waits until "a" is gone, whose root is "/var/lib/machines/a"'],
    });
    check([leaving, contender('b', address('10.0.0.2'), address('10.0.0.3'))], {
      a: ['accepted'],
      b: ['accepted', 'waits until "a" is gone, whose localAddress is 10.0.0.2'],
    });
  });

  test('a last good version without a document is in force like any other', () =>
    check([contender('held', null, address('10.0.0.2')), contender('b', address('10.0.0.2'))], {
      held: ['accepted'],
      b: ['none', 'b.yaml:7:17: spec.localAddress: 10.0.0.2 is the localAddress of "held" (held.yaml:1)'],
    }));
});

suite('whatever the manifests are', () => {
  const spec = fc.record({
    privateNetwork: fc.constant(true),
    localAddress: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '192.0.2.1'),
    root: fc.constantFrom('/srv/a', '/srv/b', '/srv/a/b', '/alias/a', '/srv'),
    volatile: fc.constantFrom('no', 'overlay'),
  });
  const contenders = fc
    .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1 })
    .chain(list =>
      fc.tuple(
        ...list.map(name =>
          fc.record({ now: fc.option(spec), before: fc.option(spec), isLeaving: fc.boolean() }).map(its => ({
            ...contender(name, its.now, its.before),
            isLeaving: its.isLeaving && its.before !== null && its.now === null,
          })),
        ),
      ),
    );

  test('the outcome does not depend on their order', () =>
    fc.assert(
      fc.property(contenders, fc.gen(), (list, gen) => {
        const shuffled = [...list].sort(() => gen(fc.integer, { min: -1, max: 1 }));
        assert.deepEqual({ ...show(shuffled) }, { ...show(list) });
      }),
      { numRuns: 60 },
    ));

  test('no two in force have the same address or root', () =>
    fc.assert(
      fc.property(contenders, list => {
        const leaving = new Set(list.filter(one => one.isLeaving).map(one => one.name));
        const inForce = [...admit(list, WORLD).values()].flatMap(({ manifest }) =>
          manifest === null || leaving.has(manifest.name) ? [] : [manifest],
        );
        const addresses = inForce.map(({ spec: { localAddress } }) => localAddress);
        assert.equal(new Set(addresses).size, addresses.length);
        const lasting = inForce.filter(manifest => manifest.spec.volatile === 'no');
        const roots = lasting.map(manifest => WORLD.realRoot(manifest.spec.root));
        for (const root of roots)
          assert.equal(roots.filter(other => other === root || other.startsWith(`${root}/`)).length, 1);
      }),
      { numRuns: 60 },
    ));
});
