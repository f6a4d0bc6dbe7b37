import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../../src/api/problem.ts';
import { admit } from '../../../src/manifests/admission.ts';
import type { Contender, World } from '../../../src/manifests/contender.ts';
import type { ParsedDocument } from '../../../src/manifests/document.ts';
import { parseText } from '../../../src/manifests/parse.ts';
import { validateFiles } from '../../../src/manifests/validate.ts';
import { hostLinkName } from '../../../src/planning/link-name.ts';
import { manifestText } from './manifest-text.ts';

const WORLD: World = {
  hostName: 'testhost.example.org',
  hostLinkName,
  hostAddresses: new Set(),
  realRoot: root => root,
  reservedDirectories: [],
};

type Names = readonly string[];

/** Of a text there is one document, however often a property asks for it. */
const documents = new Map<string, ParsedDocument>();

function document(name: string, dependsOn: Names): ParsedDocument {
  const text = manifestText(name, { dependsOn });
  const known = documents.get(text);
  if (known !== undefined) return known;
  const [parsed] = parseText({ file: `${name}.yaml`, text });
  assert.ok(parsed);
  documents.set(text, parsed);
  return parsed;
}

/** One name: on whom its newest text depends, and on whom the version in force did. */
function contender(name: string, now: Names | null, before: Names | null = null): Contender {
  const manifest = before === null ? null : document(name, before).manifest;
  return {
    name,
    documents: now === null ? [] : [document(name, now)],
    accepted:
      manifest === null
        ? null
        : { name, file: `${name}.yaml`, manifest, generation: 1, createdAt: '', removedAt: null },
    isLeaving: false,
  };
}

function check(contenders: readonly Contender[], expected: Readonly<Record<string, Names>>): void {
  for (const list of [contenders, [...contenders].reverse()]) {
    const shown = [...admit(list, WORLD)].map(([name, { origin, objections }]) => [
      name,
      [origin, ...objections.map(({ problem }) => formatProblem(problem))],
    ]);
    assert.deepEqual(Object.fromEntries(shown), expected);
  }
}

suite('who waits for whom', () => {
  test('nobody for itself; nothing to object to', () =>
    check([contender('a', ['b', 'c', 'elsewhere']), contender('b', ['c']), contender('c', [])], {
      a: ['document'],
      b: ['document'],
      c: ['document'],
    }));

  test('of a new circle the last one by its place is refused, with the way round and every place in it', () =>
    check(
      [contender('a', ['x', 'b']), contender('b', ['c']), contender('c', ['y', 'a']), contender('x', [])],
      {
        a: ['document'],
        b: ['document'],
        c: [
          'none',
          'c.yaml:6:19: spec.dependsOn[1]: "c" would wait for itself: c -> a (a.yaml:1) -> b (b.yaml:1) -> c',
        ],
        x: ['document'],
      },
    ));

  test('one that names itself is refused', () =>
    check([contender('a', ['a'])], {
      a: ['none', 'a.yaml:6:15: spec.dependsOn[0]: "a" cannot wait for itself'],
    }));

  test('whoever closes a circle later stays on its last good version', () =>
    check([contender('a', ['b'], []), contender('b', ['a'], ['a'])], {
      a: ['accepted', 'a.yaml:6:15: spec.dependsOn[0]: "a" would wait for itself: a -> b (b.yaml:1) -> a'],
      b: ['document'],
    }));

  test('two may change sides in one commit', () =>
    check([contender('a', [], ['b']), contender('b', ['a'], [])], { a: ['document'], b: ['document'] }));

  test('circles apart from each other each have one refused', () =>
    check([contender('a', ['b']), contender('b', ['a']), contender('c', ['d']), contender('d', ['c'])], {
      a: ['document'],
      b: ['none', 'b.yaml:6:15: spec.dependsOn[0]: "b" would wait for itself: b -> a (a.yaml:1) -> b'],
      c: ['document'],
      d: ['none', 'd.yaml:6:15: spec.dependsOn[0]: "d" would wait for itself: d -> c (c.yaml:1) -> d'],
    }));

  test('one that is leaving closes no circle', () =>
    check([contender('a', ['b']), { ...contender('b', null, ['a']), isLeaving: true }], {
      a: ['document'],
      b: ['accepted'],
    }));

  test('files are judged without a host, too', () => {
    const file = (name: string, dependsOn: Names) => ({
      file: `${name}.yaml`,
      text: manifestText(name, { dependsOn }),
    });
    const [a, b] = validateFiles([file('a', ['b']), file('b', ['a'])], hostLinkName);
    assert.deepEqual(a?.problems, []);
    assert.match(
      b?.problems.map(formatProblem).join() ?? '',
      /^b\.yaml:6:15: spec\.dependsOn\[0\]: "b" would wait/,
    );
  });

  test('what is in force never has a circle, and only who stands in one is refused', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const others = fc.subarray(names);
    const contenders = fc.tuple(
      ...names.map(name =>
        fc
          .record({ now: fc.option(others), before: fc.option(others) })
          .map(({ now, before }) => contender(name, now, before)),
      ),
    );
    fc.assert(
      fc.property(contenders, list => {
        const inForce = new Map<string, Names>();
        for (const { manifest } of admit(list, WORLD).values())
          if (manifest !== null) inForce.set(manifest.name, manifest.spec.dependsOn);
        for (const name of inForce.keys()) assert.ok(!reach(name, inForce).has(name), name);
        const wanted = new Map(
          list.map(({ name, documents }) => [name, documents[0]?.manifest?.spec.dependsOn ?? []]),
        );
        const hasCircle = names.some(name => reach(name, wanted).has(name));
        const isFirst = list.every(({ accepted }) => accepted === null);
        if (!hasCircle && isFirst)
          for (const { objections } of admit(list, WORLD).values()) assert.deepEqual(objections, []);
      }),
      { numRuns: 300 },
    );
  });

  test('in a line of ten thousand each is judged as fast as in one of a thousand', () => {
    const nameOf = (index: number) => `n${String(index).padStart(5, '0')}`;
    // What ten thousand texts would be parsed to.
    const one = document('one', ['other']);
    assert.ok(one.manifest);
    const { manifest } = one;
    const lineOf = (length: number) =>
      Array.from({ length }, (_, index): Contender => {
        const name = nameOf(index);
        const spec = { ...manifest.spec, root: `/srv/${name}`, dependsOn: [nameOf(index + 1)] };
        const parsed = { ...one, file: `${name}.yaml`, name, manifest: { ...manifest, name, spec } };
        return { name, documents: [parsed], accepted: null, isLeaving: false };
      });
    const judge = (line: readonly Contender[]) => {
      const admissions = [...admit(line, WORLD).values()];
      assert.equal(admissions.filter(({ origin }) => origin === 'document').length, line.length);
    };
    const [few, many] = [lineOf(1_000), lineOf(10_000)];
    // The processor's time, and the least of several: a busy machine takes nothing of that away.
    const costOf = (work: () => void) => {
      const costs = [1, 2, 3].map(() => {
        const before = process.cpuUsage();
        work();
        return process.cpuUsage(before).user;
      });
      return Math.min(...costs);
    };
    const ofMany = costOf(() => judge(many));
    const ofFew = costOf(() => {
      for (let time = 0; time < 10; time++) judge(few);
    });
    // The same, or ten times as much where each is set against all others.
    assert.ok(ofMany < 4 * ofFew, `${ofFew} us for ten times a thousand, ${ofMany} us for ten thousand`);
  });
});

function reach(name: string, graph: ReadonlyMap<string, Names>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [...(graph.get(name) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...(graph.get(next) ?? []));
  }
  return reached;
}
