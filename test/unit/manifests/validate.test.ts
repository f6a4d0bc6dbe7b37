import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { formatProblem } from '../../../src/api/problem.ts';
import { validateFiles } from '../../../src/manifests/validate.ts';
import { hostLinkName } from '../../../src/planning/link-name.ts';
import { manifestText } from './manifest-text.ts';

/** Each document as its name, or as its problems. */
function check(texts: Readonly<Record<string, string>>, expected: readonly (string | null)[]): void {
  const files = Object.entries(texts).map(([file, text]) => ({ file, text }));
  const shown = validateFiles(files, hostLinkName).flatMap(({ name, manifest, problems }) =>
    manifest === null ? problems.map(formatProblem) : [name],
  );
  assert.deepEqual(shown, expected);
}

suite('validating files without a host', () => {
  test('everything is valid', () =>
    check({ 'a.yaml': manifestText('a'), 'b.yaml': manifestText('b') }, ['a', 'b']));

  test('says what is wrong in each, in the order of the files', () =>
    check({ 'z.yaml': '{', 'a.yaml': manifestText('a').replace('kind: Container', 'kind: Pod') }, [
      'z.yaml:1:2: Flow map must end with a }',
      'a.yaml:2:7: kind: expected "Container", found "Pod"',
    ]));

  test('says which contradict each other', () => {
    const spec = { privateNetwork: true, localAddress: '10.0.0.2' };
    check(
      { 'b.yaml': manifestText('b', spec), 'a.yaml': manifestText('a', spec), 'c.yaml': manifestText('a') },
      [
        'b.yaml:7:17: spec.localAddress: 10.0.0.2 is the localAddress of "a" (a.yaml:1)',
        'a',
        'c.yaml:3:19: metadata.name: "a" is also declared at a.yaml:1, which keeps the name',
      ],
    );
  });

  test('knows names and roots that no host can have', () =>
    check({ 'a.yaml': manifestText('localhost'), 'b.yaml': manifestText('b', { root: '/usr' }) }, [
      'a.yaml:3:19: metadata.name: "localhost" is every host\'s name for itself',
      'b.yaml:5:9: spec.root: "/usr" belongs to the host and cannot be a guest\'s root',
    ]));
});
