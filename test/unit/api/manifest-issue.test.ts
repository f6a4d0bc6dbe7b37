import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { fieldsAt } from '../../../src/api/manifest.ts';
import { judgeManifest } from '../../../src/api/manifest-issue.ts';

const GOOD = {
  apiVersion: 'nspawnd.io/v1alpha1',
  kind: 'Container',
  metadata: { name: 'web' },
  spec: { root: '/srv/web' },
};

/** The issues of a good manifest with some spec fields changed, as `path (about): message`. */
function check(spec: Readonly<Record<string, unknown>>, expected: readonly string[]): void {
  const { issues } = judgeManifest({ ...GOOD, spec: { ...GOOD.spec, ...spec } });
  const shown = issues.map(
    ({ path, about, message }) => `${path.map(String).join('.')} (${about}): ${message}`,
  );
  assert.deepEqual(shown, expected);
}

suite('the schema', () => {
  test('accepts a good manifest and fills in the defaults', () => {
    const { fields } = judgeManifest(GOOD);
    assert.deepEqual(fields?.metadata, { name: 'web', labels: {}, annotations: {} });
    assert.equal(fields?.spec.autoStart, true);
    assert.equal(fields?.spec.restartPolicy, 'OnFailure');
    assert.equal(fields?.spec.readiness, 'notify');
    assert.equal(fields?.spec.resolvConf, 'auto');
    assert.equal(
      judgeManifest({ ...GOOD, spec: { root: '/x', command: ['/a'] } }).fields?.spec.readiness,
      'started',
    );
  });

  test('takes the words of YAML 1.1 for volatile, and addresses in one spelling', () => {
    const spec = (change: object) =>
      judgeManifest({ ...GOOD, spec: { ...GOOD.spec, ...change } }).fields?.spec;
    assert.equal(spec({ volatile: false })?.volatile, 'no');
    assert.equal(spec({ volatile: true })?.volatile, 'yes');
    assert.equal(spec({ localAddress6: 'FD00:0::0:1' })?.localAddress6, 'fd00::1');
    assert.equal(spec({ root: '//srv/./a//' })?.root, '/srv/a');
  });

  test('objects in words, with what was found', () => {
    check({ root: 'srv' }, ['spec.root (value): not an absolute path: "srv"']);
    check({ root: '/srv/../etc' }, ['spec.root (value): must not contain "..": "/srv/../etc"']);
    check({ root: undefined }, ['spec.root (missing): is required (or one of path, config and flake)']);
    check({ root: null }, ['spec.root (value): expected text, found nothing']);
    check({ root: 8 }, ['spec.root (value): expected text, found 8 (write it in quotes: "8")']);
    check({ autoStart: 'off' }, [
      'spec.autoStart (value): expected true or false, found "off" (write true or false, without quotes)',
    ]);
    check({ restartPolicy: 'always' }, [
      'spec.restartPolicy (value): expected OnFailure, Always, Never; found "always"',
    ]);
    check({ environment: [] }, ['spec.environment (value): expected a mapping (key: value), found a list']);
    check({ environment: { 'A B': 'x' } }, ['spec.environment.A B (key): not a variable name: "A B"']);
    check({ command: '/bin/sh' }, ['spec.command (value): expected a list, found "/bin/sh"']);
    check({ bogus: 1, other: 2 }, ['spec.bogus (key): unknown field', 'spec.other (key): unknown field']);
    check({ root: `/${'x'.repeat(20_000)}` }, ['spec.root (value): longer than 16384 characters']);
  });

  test('objects to combinations even where a field is wrong by itself', () =>
    check({ hostAddress: '10.0.0.1', ephemeral: true, volatile: 'yes', timeoutStopSec: 0 }, [
      'spec.timeoutStopSec (value): not a time span between 0 and 86400 seconds such as 90, "90s" or "2min": 0',
      'spec.hostAddress (value): needs privateNetwork: true (the host side of a link that would not exist)',
      'spec.volatile (value): excludes ephemeral: true (both make the root throw-away; choose one)',
    ]));

  test('bounds what a manifest may hold', () => {
    const many = Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`k${index}`, 'v']));
    check({ environment: many }, ['spec.environment (value): more than 256 variables']);
    check({ command: Array(257).fill('x') }, ['spec.command (value): more than 256 arguments']);
    const { issues } = judgeManifest({ ...GOOD, metadata: { name: 'web', labels: many } });
    assert.deepEqual(
      issues.map(issue => issue.message),
      ['more than 256 entries'],
    );
  });

  test('knows which fields stand where', () => {
    assert.deepEqual(fieldsAt([]), ['apiVersion', 'kind', 'metadata', 'spec']);
    assert.deepEqual(fieldsAt(['metadata']), ['name', 'labels', 'annotations']);
    assert.ok(fieldsAt(['spec']).includes('hostAddress6'));
    assert.deepEqual(fieldsAt(['spec', 'environment']), []);
  });

  test('judges any value without throwing', () =>
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (value, part) => {
        judgeManifest(value);
        judgeManifest({ ...GOOD, spec: part, metadata: part });
      }),
      { numRuns: 200 },
    ));
});
