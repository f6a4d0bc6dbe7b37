import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../../src/api/problem.ts';
import { MAX_PROBLEMS_PER_FILE } from '../../../src/manifests/document.ts';
import { parseText } from '../../../src/manifests/parse.ts';
import { anyText } from '../any-text.ts';
import { manifestText } from './manifest-text.ts';

const HEAD = 'apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: web }\n';

/** Every document as `NAME: valid`, or as its problems. */
function check(text: string, expected: readonly string[]): void {
  const shown = parseText({ file: 'f.yaml', text }).flatMap(document =>
    document.manifest === null ? document.problems.map(formatProblem) : [`${document.name}: valid`],
  );
  assert.deepEqual(shown, expected);
}

suite('a manifest text', () => {
  test('everything is right; nothing to object to', () => {
    check(`${HEAD}spec:\n  root: /srv/web\n`, ['web: valid']);
  });

  test('is kept as written, without defaults', () => {
    const [document] = parseText({
      file: 'f.yaml',
      text: `# c\n${HEAD}spec: { root: /srv//web/, timeoutStopSec: 2min }\n`,
    });
    assert.deepEqual(document?.manifest?.written, { root: '/srv//web/', timeoutStopSec: '2min' });
    assert.equal(document?.manifest?.spec.root, '/srv/web');
    assert.equal(document?.manifest?.spec.timeoutStopSec, 120);
    assert.deepEqual(document?.manifest?.place, { file: 'f.yaml', line: 2 });
  });

  test('may be several documents, empty ones among them', () => {
    check(`---\n${manifestText('a')}---\n# nothing\n---\n${manifestText('b')}---\n`, [
      'a: valid',
      'b: valid',
    ]);
  });

  test('may be JSON, with tabs', () => {
    const value = {
      apiVersion: 'nspawnd.io/v1alpha1',
      kind: 'Container',
      metadata: { name: 'j' },
      spec: { root: '/srv/j', environment: { A: 'x: y' } },
    };
    check(JSON.stringify(value), ['j: valid']);
    check(JSON.stringify(value, null, '\t'), ['j: valid']);
  });

  test('has the same hash whatever its order, comments and quotes', () => {
    const hashes = [
      `${HEAD}spec:\n  root: /srv/web\n  autoStart: false\n`,
      `${HEAD}spec: # x\n  autoStart: false\n\n  root: "/srv/web"\n`,
      `spec: {autoStart: false, root: '/srv/web'}\n${HEAD}`,
    ].map(text => parseText({ file: 'f', text })[0]?.manifest?.specHash);
    assert.equal(new Set(hashes).size, 1);
    assert.match(String(hashes[0]), /^v1-[0-9a-f]{16}$/);
  });
});

suite('a problem', () => {
  test('stands at the value, at the unknown key, or at the parent of what is missing; all of them at once, line by line', () => {
    check(
      [
        'apiVersion: nspawnd.io/v1alpha1',
        'kind: Container',
        'metadata:',
        '  name: web',
        'spec:',
        '  hostAddress: 10.231.136',
        '  hostaddress: 10.0.0.1',
        '  timeoutStartSec: soon',
        '  environment:',
        '    1ST: x',
        '    PORT: 80',
        '  ephemeral: true',
        '  volatile: yes',
        '',
      ].join('\n'),
      [
        'f.yaml:5:1: spec.root: is required (or one of path, config and flake)',
        'f.yaml:6:16: spec.hostAddress: not an IPv4 address: "10.231.136"',
        'f.yaml:6:16: spec.hostAddress: needs privateNetwork: true (the host side of a link that would not exist)',
        'f.yaml:7:3: spec.hostaddress: unknown field; did you mean "hostAddress"?',
        'f.yaml:8:20: spec.timeoutStartSec: not a time span between 0 and 86400 seconds such as 90, "90s" or "2min": "soon"',
        'f.yaml:10:5: spec.environment.1ST: not a variable name: "1ST"',
        'f.yaml:11:11: spec.environment.PORT: expected text, found 80 (write it in quotes: "80")',
        'f.yaml:13:13: spec.volatile: excludes ephemeral: true (both make the root throw-away; choose one)',
      ],
    );
  });

  test('says what was probably meant', () => {
    const spec = (line: string) => `${HEAD}spec:\n  root: /srv/web\n  ${line}\n`;
    check(spec('restart_policy: Always'), [
      'f.yaml:6:3: spec.restart_policy: unknown field; did you mean "restartPolicy"?',
    ]);
    check(spec('privateNetwrok: true'), [
      'f.yaml:6:3: spec.privateNetwrok: unknown field; did you mean "privateNetwork"?',
    ]);
    check(spec('restartPolicy: always'), [
      'f.yaml:6:18: spec.restartPolicy: expected OnFailure, Always, Never; found "always"; did you mean "Always"?',
    ]);
    check(spec('labels: {}'), ['f.yaml:6:3: spec.labels: unknown field; it belongs under "metadata"']);
    check(spec('kind: Container'), ['f.yaml:6:3: spec.kind: unknown field; it belongs at the top level']);
    check(spec('zzz: 1'), ['f.yaml:6:3: spec.zzz: unknown field']);
    check(`${HEAD}spec:\n  root: /srv/web\nrestartPolicy: Never\n`, [
      'f.yaml:6:1: restartPolicy: unknown field; it belongs under "spec"',
    ]);
    check(spec('privateNetwork: yes'), [
      'f.yaml:6:19: spec.privateNetwork: expected true or false, found "yes" (write true or false, without quotes)',
    ]);
  });

  test('names the list item', () => {
    check(`${HEAD}spec:\n  root: /x/y\n  command:\n    - /bin/sh\n    - 3\n`, [
      'f.yaml:8:7: spec.command[1]: expected text, found 3 (write it in quotes: "3")',
    ]);
  });

  test('of a name that systemd would refuse stands at the name', () => {
    for (const name of ['Web', 'a_b', '-a', 'a-', 'a.b', 'a/b', '..', `a${'x'.repeat(63)}`]) {
      const [document] = parseText({ file: 'f.yaml', text: HEAD.replace('web', `"${name}"`) });
      assert.equal(document?.manifest, null, name);
      assert.equal(document?.name, null, name);
      assert.ok(
        document?.problems.some(problem => problem.line === 3 && problem.column === 19),
        name,
      );
    }
  });

  test('moves no cursor and hides nothing', () => {
    const [document] = parseText({
      file: 'a\u001b[2J\n.yaml',
      text: `${HEAD}spec: { root: "\\e[31m\\u202e" , "\\r": 1}\n`,
    });
    const text = (document?.problems ?? []).map(formatProblem).join('');
    assert.ok(text.length > 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test('is one of at most a hundred, and of bounded length', () => {
    const many = Array.from({ length: 3_000 }, (_, index) => `  unknown${index}: 1`).join('\n');
    const [document] = parseText({ file: 'f.yaml', text: `${HEAD}spec:\n${many}\n` });
    assert.equal(document?.problems.length, MAX_PROBLEMS_PER_FILE + 1);
    assert.match(document?.problems.at(-1)?.message ?? '', /^and 2901 more problems/);
    const long = parseText({ file: 'f.yaml', text: `${HEAD}spec: { root: "${'x'.repeat(10_000)}" }\n` });
    assert.ok(long.every(({ problems }) => problems.every(problem => problem.message.length < 1_100)));
  });
});

suite('a broken text', () => {
  test('without any document is a problem, not a deletion', () => {
    for (const text of ['', '\n', '# only a comment\n', '---\n---\n', 'null\n', '\ufeff'])
      check(text, ['f.yaml:1:1: holds no manifest; to remove its containers, delete the file']);
  });

  test('still yields its name where that can be read', () => {
    const name = (text: string) => parseText({ file: 'f.yaml', text })[0]?.name;
    assert.equal(name(`${HEAD}spec: {`), 'web');
    assert.equal(name(`${HEAD}spec:\n  root: /x\n bad: 1\n`), 'web');
    assert.equal(name(`${HEAD}spec: *nowhere\n`), null);
    assert.equal(name('metadata: 3'), null);
    assert.equal(name('- a'), null);
  });

  test('is refused for each thing that YAML 1.2 does not need', () => {
    check(`${HEAD}spec: { root: /x, root: /y }\n`, ['f.yaml:4:19: "root" is already set in line 4']);
    check(`${HEAD}spec: { root: !secret /x }\n`, ['f.yaml:4:15: Unresolved tag: !secret']);
    check(`${HEAD}spec: { root: !!binary aaaa }\n`, [
      'f.yaml:4:15: Unresolved tag: tag:yaml.org,2002:binary',
    ]);
    check(`%YAML 1.1\n---\n${HEAD}spec: { root: /x }\n`, [
      'f.yaml:3:1: only YAML 1.2 is read: remove the %YAML line',
    ]);
    check(`${HEAD}spec: { root: /x, environment: { __proto__: "1" } }\n`, [
      'f.yaml:4:34: "__proto__" cannot be a key',
    ]);
    check(`${HEAD}spec: { root: /x }\n? [a]\n: b\n`, [
      'f.yaml:5:3: With stringKeys, all keys must be strings',
    ]);
  });

  test('is read in bounded time and memory: alias bombs, depth, length, number of documents', () => {
    const tenfold = (name: string, of: string) => `${name}: &${name} [${Array(10).fill(of).join(', ')}]`;
    const bomb = [
      tenfold('a', 'x'),
      ...['b', 'c', 'd', 'e'].map((name, i) => tenfold(name, `*${'abcd'[i]}`)),
    ];
    check(bomb.join('\n'), ['f.yaml:1:1: aliases multiply too often']);
    check(`a: &a 1\nb: [${Array(101).fill('*a').join(', ')}]`, ['f.yaml:1:1: more than 100 aliases']);
    check('&a [*a]', ['f.yaml:1:4: expected a mapping (key: value), found a list']);
    for (const nest of ['[', '{a: ', '- ', '? '])
      check(nest.repeat(20_000), ['f.yaml:1:1: nested more than 100 levels deep']);
    check('x'.repeat(1024 * 1024 + 1), ['f.yaml:1:1: larger than 1048576 bytes']);
    check('--- 1\n'.repeat(300), ['f.yaml:1:1: more than 256 documents']);
    check('a\n...\n'.repeat(300), ['f.yaml:1:1: more than 256 documents']);
  });

  test('of ten times as many unknown keys takes about ten times as long, not a hundred', () => {
    const cpuOf = (keys: number) => {
      const text = Array.from({ length: keys }, (_, i) => `k${i}: 1`).join('\n');
      const before = process.cpuUsage();
      parseText({ file: 'f.yaml', text });
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    cpuOf(2_000);
    const ratio = cpuOf(20_000) / cpuOf(2_000);
    assert.ok(ratio < 40, `${ratio} times`);
  });
});

suite('whatever the text is', () => {
  test('parsing never throws and never returns nothing', () => {
    const piece = fc.constantFrom(
      'a',
      'name: web',
      ':',
      '-',
      '\n',
      '  ',
      '[',
      '{',
      '}',
      ']',
      '&a',
      '*a',
      '!t',
      '"',
      "'",
      '|',
      '>',
      '%',
      '---\n',
      '#',
      '?',
      ',',
      '\t',
      '\0',
      '\u2028',
      HEAD,
      'spec:',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          anyText(),
          fc.array(piece, { maxLength: 30 }).map(list => list.join('')),
        ),
        text => {
          assert.ok(parseText({ file: 'f.yaml', text }).length > 0);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a manifest cut off after any line is refused or says less, never something else', () => {
    const full = manifestText('web', {
      privateNetwork: true,
      hostAddress: '10.0.0.1',
      localAddress: '10.0.0.2',
      environment: { A: 'b', C: 'd' },
      command: ['/bin/sh', '-c', 'sleep 1'],
      restartPolicy: 'Always',
    });
    const whole = parseText({ file: 'f.yaml', text: full })[0]?.manifest;
    assert.ok(whole);
    const lines = full.split('\n');
    for (let end = 0; end < lines.length; end++) {
      for (const { manifest } of parseText({ file: 'f.yaml', text: lines.slice(0, end).join('\n') })) {
        for (const [field, value] of Object.entries(manifest?.written ?? {}))
          assert.deepEqual(value, whole.written[field]);
      }
    }
  });

  test('the order of documents does not change what each says', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(names, fc.gen(), (list, gen) => {
        const order = [...list].sort(() => gen(fc.integer, { min: -1, max: 1 }));
        const hashes = (some: readonly string[]) =>
          parseText({ file: 'f', text: some.map(name => manifestText(name)).join('---\n') })
            .map(document => `${document.name} ${document.manifest?.specHash}`)
            .sort();
        assert.deepEqual(hashes(order), hashes(list));
      }),
      { numRuns: 30 },
    );
  });
});
