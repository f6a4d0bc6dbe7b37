import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { formatAge, formatDuration } from '../../../src/api/age.ts';
import type { Container } from '../../../src/api/container.ts';
import { CliError } from '../../../src/cli/cli-error.ts';
import { EXIT } from '../../../src/cli/exit-code.ts';
import { reportError } from '../../../src/cli/report-error.ts';
import { chainOf } from '../../../src/cli/view/chain.ts';
import { fixOf } from '../../../src/cli/view/fix.ts';
import { needsAttention } from '../../../src/cli/view/needs-attention.ts';
import { toYaml } from '../../../src/cli/view/output-yaml.ts';
import { formatProblems } from '../../../src/cli/view/problem.ts';
import { escapeLine, escapeLines, escapeQuoted } from '../../../src/view/escape.ts';
import { paintAnsi, paintPlain } from '../../../src/view/paint.ts';
import { formatTable } from '../../../src/view/table.ts';

import { displayWidth } from '../../../src/view/width.ts';

import { makeContainer } from '../server/control-model.ts';

describe('problems', () => {
  it('are told file by file as they come up first, each from top to bottom', () => {
    const at = (file: string, line: number, column: number) => ({
      file,
      line,
      column,
      field: '',
      message: 'm',
    });
    const mixed = [at('b', 2, 1), at('a', 9, 1), at('b', 1, 7), at('a', 1, 1), at('b', 1, 2)];
    assert.equal(
      formatProblems(mixed, new Map(), paintPlain),
      'b:1:2: m\nb:1:7: m\nb:2:1: m\na:1:1: m\na:9:1: m\n',
    );
  });
});

describe('the width of a text', () => {
  it('is what a terminal gives it', () => {
    for (const [text, columns] of [
      ['', 0],
      ['web-1', 5],
      ['Grüße', 5],
      ['e\u0301', 1],
      ['日本語', 6],
      ['ｆｕｌｌ', 8],
      ['한글', 4],
      ['a🙂b', 4],
      ['→…✔', 3],
    ] as const)
      assert.equal(displayWidth(text), columns, text);
  });
});

describe('ages', () => {
  it('are what kubectl shows', () => {
    const S = 1000;
    const M = 60 * S;
    const H = 60 * M;
    const D = 24 * H;
    for (const [ms, shown] of [
      [-5 * S, '0s'],
      [0, '0s'],
      [999, '0s'],
      [5 * S, '5s'],
      [119 * S, '119s'],
      [2 * M, '2m'],
      [3 * M + 20 * S, '3m20s'],
      [10 * M + 20 * S, '10m'],
      [179 * M, '179m'],
      [3 * H, '3h'],
      [7 * H + 5 * M, '7h5m'],
      [30 * H, '30h'],
      [2 * D, '2d'],
      [4 * D, '4d'],
      [7 * D + 3 * H, '7d3h'],
      [100 * D, '100d'],
      [730 * D, '2y'],
      [800 * D, '2y70d'],
      [9 * 365 * D, '9y'],
    ] as const)
      assert.equal(formatDuration(ms), shown);
  });

  it('of what is no time are unknown', () => {
    assert.equal(formatAge(undefined, 0), '<unknown>');
    assert.equal(formatAge('yesterday', 0), '<unknown>');
  });
});

describe('escaping', () => {
  it('leaves what people write alone', () => {
    const text = 'Grüße, 日本語, 👩‍💻, a\\b "c"';
    assert.equal(escapeLine(text), text);
    assert.equal(escapeQuoted(text), text);
  });

  it('shows what a terminal would obey', () => {
    assert.equal(
      escapeLine('\u001b[31m\u0000\u007f\u009b\u202e\n\t\r\u2028'),
      '\\x1b[31m\\x00\\x7f\\u009b\\u202e\\n\\t\\r\\u2028',
    );
    assert.deepEqual(escapeLines('one\r\ntwo\u001b\n\n'), ['one', 'two\\x1b']);
  });

  it('in JSON and YAML keeps the value', async () => {
    for (const text of [
      '\u009b31m',
      '\u202eabc\nd',
      '\u001b]0;x\u0007',
      'plain',
      'a\nb\n',
      '# no\u200fcomment',
      '\u2028',
    ])
      for (const value of [text, { [text]: text }, [text]]) {
        assert.deepEqual(parse(toYaml(value)), value);
        assert.deepEqual(JSON.parse(escapeQuoted(JSON.stringify(value))), value);
        assert.doesNotMatch(toYaml(value), /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
      }
  });
});

describe('an error', () => {
  it('says what, then what to do, and nothing of it reaches a terminal raw', async () => {
    let shown = '';
    const terminal = {
      err: async (text: string) => {
        shown += text;
      },
    };
    await reportError(new CliError(EXIT.no, 'one\u001b\ntwo', ['do\u009b']), terminal);
    assert.equal(shown, 'nspawnctl: one\\x1b\ntwo\n  do\\u009b\n');
  });
});

describe('tables', () => {
  it('align, with three spaces between and nothing after the last column', () => {
    const rows = [
      ['A', 'LONG HEADER', 'LAST'],
      ['a-long-name', 'x', ''],
      ['é', 'y', 'z'],
    ];
    assert.equal(
      formatTable(rows, paintPlain),
      'A             LONG HEADER   LAST\na-long-name   x\né             y             z\n',
    );
  });

  it('align the same with colours, which cover only the text', () => {
    const rows = [['a', { text: 'b', style: 'good' }, 'c'] as const, ['aa', 'bb', 'cc']];
    assert.equal(formatTable(rows, paintAnsi), 'a    \u001b[32mb\u001b[0m    c\naa   bb   cc\n');
  });

  it('continue a last column of several lines below its beginning', () => {
    assert.equal(formatTable([['k', 'one\ntwo']], paintPlain, '  '), '  k   one\n      two\n');
  });
});

describe('why a container is not ready', () => {
  const at = { lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1 };
  const states = (container: Container) =>
    chainOf(container)?.links.map(({ name, state }) => `${name} ${state}`) ?? null;

  it('is nothing when it is', () => {
    assert.equal(chainOf(makeContainer('web', '1', { ready: 'True', reason: 'Ready' })), null);
  });

  it('is the first link from the manifest to the guest that does not hold, with what to do', () => {
    const container = makeContainer('web', '1', {
      phase: 'Stalled',
      ready: 'False',
      reason: 'RootMissing',
      message: 'no such directory: /x',
      conditions: [
        { type: 'PruneBlocked', status: 'True', reason: 'TooMany', message: '9 of 10', ...at },
        {
          type: 'RootReady',
          status: 'False',
          reason: 'RootMissing',
          message: 'no such directory: /x',
          ...at,
        },
        { type: 'NetworkReady', status: 'True', reason: 'Built', message: 'fine', ...at },
        { type: 'ManifestValid', status: 'False', reason: 'Invalid', message: '/m/a b.yaml:3:1: bad', ...at },
      ],
    });
    assert.deepEqual(states(container), [
      'manifest flawed',
      'root broken',
      'network unreached',
      'unit unreached',
      'machine unreached',
      'guest unreached',
    ]);
    assert.match(chainOf(container)?.fix ?? '', /^make the directory/);
    assert.deepEqual(
      needsAttention(container).map(({ type, fix }) => [type, fix]),
      [['PruneBlocked', 'nspawnctl prune']],
    );
  });

  it('says each thing once, the fullest way', () => {
    const ended = 'it exited with status 1';
    const container = makeContainer('web', '1', {
      phase: 'BackOff',
      ready: 'False',
      reason: 'BackOff',
      message: `${ended}; next try soon`,
      conditions: [{ type: 'Running', status: 'False', reason: 'Inactive', message: ended, ...at }],
    });
    const broken = chainOf(container)?.links.filter(({ state }) => state === 'broken');
    assert.deepEqual(broken, [
      { name: 'unit', state: 'broken', reason: 'BackOff', message: `${ended}; next try soon` },
    ]);
  });

  it('of one that is ready is nothing, but what is wrong otherwise is shown', () => {
    const container = makeContainer('web', '1', {
      phase: 'Running',
      ready: 'True',
      conditions: [
        { type: 'ManifestValid', status: 'False', reason: 'Invalid', message: '/m/w.yaml:1:1: bad', ...at },
        { type: 'RestartRequired', status: 'True', reason: 'NewRenderer', message: 'newer', ...at },
      ],
    });
    assert.equal(chainOf(container), null);
    assert.deepEqual(
      needsAttention(container).map(({ fix }) => fix),
      ['mend the text, and check it: nspawnctl validate /m/w.yaml', 'nspawnctl restart web'],
    );
  });

  it('of one that was stopped is how to start it', () => {
    const container = makeContainer('web', '1', { phase: 'Stopped', ready: 'False', reason: 'Stopped' });
    assert.equal(chainOf(container)?.fix, 'nspawnctl start web');
  });

  it('of one that runs and is not there yet is where it is', () => {
    const booting = { phase: 'Starting', ready: 'False', reason: 'Starting' } as const;
    const waits = makeContainer('web', '1', { ...booting, leader: null });
    assert.equal(states(waits)?.[4], 'machine underway');
    assert.equal(states(makeContainer('web', '1', { ...booting, leader: 7 }))?.[5], 'guest underway');
  });

  it('of one that has booted is what its probes say, where it has any', () => {
    const spec = { readinessProbe: { tcpSocket: { port: 80 } } };
    const of = (ready: { reason: string; message: string }) => ({
      ...makeContainer('web', '1', { phase: 'Running', ready: 'False', leader: 7, ...ready }),
      spec,
    });
    const failed = of({ reason: 'ReadinessProbeFailed', message: 'its readinessProbe fails: refused' });
    assert.deepEqual(states(failed)?.slice(5), ['guest holds', 'probes broken']);
    assert.match(chainOf(failed)?.fix ?? '', /^see what it says: nspawnctl logs web/);
    const asked = of({ reason: 'Starting', message: 'its readinessProbe has not been good yet' });
    assert.deepEqual(states(asked)?.slice(5), ['guest holds', 'probes underway']);
    const booting = of({ reason: 'Starting', message: 'the guest is booting' });
    assert.deepEqual(states(booting)?.slice(5), ['guest underway', 'probes unreached']);
  });

  it('has something to do for each reason that the README names', async () => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
    const table = /\n### Reasons\n([\s\S]*?)\n##+ /.exec(readme)?.[1] ?? '';
    const reasons = [...table.matchAll(/^\| (`.*?`(?:, .*?)?) +\|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([A-Z]\w+)`/g)].map(([, reason = '']) => reason),
    );
    assert.ok(reasons.length > 30, String(reasons.length));
    const container = makeContainer('web', '1', {});
    // Of the directory as a whole: prune says what is with them.
    const ofDirectory = /^(?:Directory\w+|FilesUnreadable|TooManyDeletions|Missing|PruneBlocked)$/;
    for (const reason of reasons.filter(reason => !ofDirectory.test(reason)))
      assert.notEqual(
        fixOf({ type: 'Ready', status: 'False', reason, message: '' }, container),
        null,
        reason,
      );
  });
});
