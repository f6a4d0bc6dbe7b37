import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manifestSchema } from '../../../src/api/manifest.ts';
import type { ManifestContent } from '../../../src/api/manifest-content.ts';
import { apply } from '../../../src/server/apply.ts';
import { jsonPatch } from '../../../src/server/json-patch.ts';
import { mergePatch } from '../../../src/server/merge-patch.ts';
import { objectionToSize } from '../../../src/server/size.ts';

describe('a merge patch', () => {
  // The examples of RFC 7396, appendix A.
  for (const [target, patch, result] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    it(`${JSON.stringify(patch)} on ${JSON.stringify(target)}`, () => {
      assert.deepEqual(mergePatch(target, patch), result);
    });
  }
});

describe('a JSON patch', () => {
  for (const [target, patch, result] of [
    [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
    [{ foo: ['a', 'c'] }, [{ op: 'add', path: '/foo/1', value: 'b' }], { foo: ['a', 'b', 'c'] }],
    [{ foo: ['a'] }, [{ op: 'add', path: '/foo/-', value: 'b' }], { foo: ['a', 'b'] }],
    [{ baz: 1, foo: 2 }, [{ op: 'remove', path: '/baz' }], { foo: 2 }],
    [{ foo: ['a', 'b'] }, [{ op: 'remove', path: '/foo/0' }], { foo: ['b'] }],
    [{ a: 1 }, [{ op: 'replace', path: '/a', value: 2 }], { a: 2 }],
    [{ a: { x: 1 }, b: {} }, [{ op: 'move', from: '/a/x', path: '/b/y' }], { a: {}, b: { y: 1 } }],
    [{ l: [1, 2, 3] }, [{ op: 'move', from: '/l/0', path: '/l/2' }], { l: [2, 3, 1] }],
    [{ a: { x: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }], { a: { x: 1 }, b: { x: 1 } }],
    [{ 'a/b': 1, 'm~n': 2 }, [{ op: 'test', path: '/a~1b', value: 1 }], { 'a/b': 1, 'm~n': 2 }],
  ] as const) {
    it(`${JSON.stringify(patch)} on ${JSON.stringify(target)}`, () => {
      assert.deepEqual(jsonPatch(target, patch), { value: result });
    });
  }
  for (const [patch, problem] of [
    [{}, /list of operations/],
    [[{ op: 'remove', path: '/nowhere' }], /operation 0: nothing is at \/nowhere/],
    [[{ op: 'replace', path: '/l/7', value: 1 }], /nothing is at/],
    [[{ op: 'add', path: '/l/7', value: 1 }], /no place "7"/],
    [[{ op: 'add', path: '/__proto__', value: 1 }], /cannot be a key/],
    [[{ op: 'add', path: '/constructor/prototype/x', value: 1 }], /nothing is at/],
    [[{ op: 'test', path: '/a', value: 2 }], /another/],
    [[{ op: 'zap', path: '/a' }], /no operation "zap"/],
    [[{ op: 'add', path: 'a', value: 1 }], /JSON pointer/],
  ] as const) {
    it(`refuses ${JSON.stringify(patch)} and leaves what was there`, () => {
      const target = { a: 1, l: [1] };
      assert.match(String(jsonPatch(target, patch)), problem);
      assert.deepEqual(target, { a: 1, l: [1] });
    });
  }
});

describe('a body', () => {
  const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as object;
  it('that is more than any container is not gone through', () => {
    assert.equal(objectionToSize({ spec: nested(50) }), null);
    assert.match(objectionToSize(nested(150_000)) ?? '', /levels deep/);
    assert.match(objectionToSize(Array.from({ length: 20_000 }, () => 1)) ?? '', /more than 10000 values/);
  });
  it('of a few copies does not become anything of anything', () => {
    const doubling = Array.from({ length: 40 }, (_, index) => ({
      op: 'copy',
      from: '/a',
      path: `/a/${index}`,
    }));
    assert.match(String(jsonPatch({ a: { x: 'y'.repeat(100) } }, doubling)), /too much is copied/);
  });
});

describe('apply', () => {
  const content = (spec: object, labels: Record<string, string> = {}): ManifestContent => ({
    labels,
    annotations: {},
    spec: spec as ManifestContent['spec'],
  });
  const applied = (before: ManifestContent | null, what: ManifestContent, manager: string, force = false) => {
    const result = apply(before, what, manager, force);
    assert.ok(!('conflicts' in result), JSON.stringify(result));
    return result;
  };

  it('makes what is not there', () => {
    const { labels, spec } = applied(null, content({ root: '/a' }, { tier: 'x' }), 'me');
    assert.deepEqual({ labels, spec }, { labels: { tier: 'x' }, spec: { root: '/a' } });
  });
  it('takes away what the same manager says no more, and only that', () => {
    const first = applied(
      content({ autoStart: false }),
      content({ root: '/a', environment: { A: '1' } }),
      'me',
    );
    const second = applied(first, content({ root: '/a' }), 'me');
    assert.deepEqual(second.spec, { autoStart: false, root: '/a' });
  });
  it('keeps what another manager said, and does not contradict it without force', () => {
    const first = applied(null, content({ root: '/a', autoStart: true }, { tier: 'x' }), 'one');
    const second = applied(first, content({ restartPolicy: 'Always' }, { team: 'y' }), 'two');
    assert.deepEqual(second.labels, { tier: 'x', team: 'y' });
    const conflict = apply(second, content({ root: '/b' }), 'two', false);
    assert.deepEqual(conflict, { conflicts: ["/spec/root is one's"] });
    const forced = applied(second, content({ root: '/b' }), 'two', true);
    assert.deepEqual(forced.spec, { root: '/b', autoStart: true });
    assert.deepEqual(forced.labels, { tier: 'x' });
    const back = applied(forced, content({ autoStart: true }, { tier: 'x' }), 'one');
    assert.deepEqual(back.spec, { root: '/b', autoStart: true }, 'what was taken over is not taken away');
  });
  it('agrees with another manager on the same value, and leaves it when one lets go', () => {
    const both = applied(applied(null, content({ root: '/a' }), 'one'), content({ root: '/a' }), 'two');
    assert.deepEqual(applied(both, content({}), 'two').spec, { root: '/a' });
  });
  it('touches nothing but the manifest, whatever a person wrote into the list of owned paths', () => {
    const paths = ['/__proto__/nspawndTest', '/spec/__proto__/nspawndTest', '/labels/__proto__/nspawndTest'];
    const before = {
      ...content({ root: '/a' }),
      annotations: { 'nspawnd.io/applied-by.me': JSON.stringify(paths) },
    };
    Object.defineProperty(Object.prototype, 'nspawndTest', { value: 1, configurable: true });
    try {
      applied(before, content({ root: '/a' }), 'me');
      assert.equal(({} as { nspawndTest?: number }).nspawndTest, 1);
    } finally {
      delete (Object.prototype as { nspawndTest?: number }).nspawndTest;
    }
  });
  it('twice is once', () => {
    const first = applied(null, content({ root: '/a', environment: { A: '1' } }), 'me');
    assert.deepEqual(applied(first, content({ root: '/a', environment: { A: '1' } }), 'me'), first);
  });
});

describe('what kubectl keeps of what it applied', () => {
  it('fits into an annotation, a NixOS module included', () => {
    const longest = { root: '/a', config: '"'.repeat(65_536) };
    const kept = JSON.stringify({ spec: longest });
    const manifest = {
      apiVersion: 'nspawnd.io/v1alpha1',
      kind: 'Container',
      metadata: { name: 'web', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': kept } },
      spec: longest,
    };
    assert.deepEqual(manifestSchema.safeParse(manifest).error?.issues ?? [], []);
  });
});
