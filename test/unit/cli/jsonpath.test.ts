import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CliError } from '../../../src/cli/cli-error.ts';
import { evaluate } from '../../../src/cli/jsonpath/evaluate.ts';
import { parsePathOnly, parseTemplate } from '../../../src/cli/jsonpath/parse-template.ts';
import { renderTemplate } from '../../../src/cli/jsonpath/render.ts';

/** The object of kubectl's documentation of its templates. */
const DOCUMENTED = {
  kind: 'List',
  items: [
    {
      kind: 'None',
      metadata: { name: '127.0.0.1', labels: { 'kubernetes.io/hostname': '127.0.0.1' } },
      status: { capacity: { cpu: '4' }, addresses: [{ type: 'LegacyHostIP', address: '127.0.0.1' }] },
    },
    {
      kind: 'None',
      metadata: { name: '127.0.0.2' },
      status: {
        capacity: { cpu: '8' },
        addresses: [
          { type: 'LegacyHostIP', address: '127.0.0.2' },
          { type: 'another', address: '127.0.0.3' },
        ],
      },
    },
  ],
  users: [
    { name: 'myself', user: {} },
    { name: 'e2e', user: { username: 'admin', password: 'secret' } },
  ],
};

const VALUES = {
  numbers: [1, 2, 3, 4],
  mixed: [true, 'one', 1, 1.1, null],
  points: [
    { id: 'i1', x: 4, y: -5 },
    { id: 'i2', x: -2, y: -5, z: 1 },
    { id: 'i3', x: 8, y: 3, isNew: true },
  ],
  labels: { 'web/html': 15, 'k8s-app': 20, 'a.b': 'dotted', a: { b: 'nested' } },
  text: 'two\nlines',
  empty: [],
};

const render = (template: string, value: unknown = VALUES) =>
  renderTemplate(parseTemplate(template, 'template'), value, text => text);

function check(cases: Readonly<Record<string, string>>, value: unknown): void {
  for (const [template, expected] of Object.entries(cases))
    assert.equal(render(template, value), expected, template);
}

describe('a template', () => {
  it('is filled in as kubectl documents it', () => {
    check(
      {
        'kind is {.kind}': 'kind is List',
        '{.kind}': 'List',
        "{['kind']}": 'List',
        'the object is {@}': `the object is ${JSON.stringify(DOCUMENTED)}`,
        '{..name}': '127.0.0.1 127.0.0.2 myself e2e',
        '{.items[*].metadata.name}': '127.0.0.1 127.0.0.2',
        "{.items[*]['metadata.name', 'status.capacity']}": '127.0.0.1 127.0.0.2 {"cpu":"4"} {"cpu":"8"}',
        '{.users[?(@.name=="e2e")].user.password}': 'secret',
        '{.users[0].name}': 'myself',
        '{.users[-2].name}': 'myself',
        '{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}':
          '[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] ',
        "{range .items[*]}{.metadata.name}{'\\t'}{end}": '127.0.0.1\t127.0.0.2\t',
        '{range .items[*]}{.metadata.name}{"\\n"}{end}': '127.0.0.1\n127.0.0.2\n',
        '{range .items[*]}{.metadata.name}, {end}{.kind}': '127.0.0.1, 127.0.0.2, List',
        '{range .items[*]}{range .status.addresses[*]}{.address}, {end}{end}':
          '127.0.0.1, 127.0.0.2, 127.0.0.3, ',
        '{.items[0].metadata.labels.kubernetes\\.io/hostname}': '127.0.0.1',
        "{.items[0].metadata.labels['kubernetes\\.io/hostname']}": '127.0.0.1',
        '{.items[?(@.metadata.labels.kubernetes\\.io/hostname=="127.0.0.1")].kind}': 'None',
        "{.items[*].status.addresses[?(@.type=='another')].address}": '127.0.0.3',
        '{.items[?(@..address=="127.0.0.1")].metadata.name}': '127.0.0.1',
        '{range .nothing[*]}never{end}after': 'after',
        '$ { $.kind }': '$ List',
      },
      DOCUMENTED,
    );
  });

  it('selects by index, slice, union, wildcard and comparison', () => {
    check(
      {
        '{.numbers}': '[1,2,3,4]',
        '{ .numbers[0] }': '1',
        '{.numbers[-2]}': '3',
        '{.numbers[0:2]}': '1 2',
        '{.numbers[:4:2]}': '1 3',
        '{.numbers[1::2]}': '2 4',
        '{.numbers[-1:]}': '4',
        '{.numbers[0,2,-1]}': '1 3 4',
        '{.numbers[?(@<3)]}': '1 2',
        '{.numbers[?( @ >= 3 )]}': '3 4',
        '{.points[?(@.z)].id}': 'i2',
        '{.points[?(@.x > @.y)].id}': 'i1 i2 i3',
        '{.points[?(@.y==-5)].id}': 'i1 i2',
        '{.points[?(@.isNew==true)].id}': 'i3',
        '{.points[?(@.id!="i1")].id}': 'i2 i3',
        '{.points[?(@.z!=7)].id}': 'i2',
        '{.points[?(@.y==-5)][?(@.z==1)]}': '',
        '{.points[0].*}': 'i1 4 -5',
        '{range .points[*]}{"{"}{@.*}{"} "}{end}': '{i1 4 -5} {i2 -2 -5 1} {i3 8 3 true} ',
        '{...id}': 'i1 i2 i3',
        '{.labels.web/html} {.labels.k8s-app}': '15 20',
        '{.mixed[*]}': 'true one 1 1.1 null',
        '{..points[2].id}': 'i3',
        '{.text}': 'two\nlines',
        '{"\\u00e9\\x41\\101\\"\\\\"}': 'éAA"\\',
        '{"{"}{"}"}': '{}',
      },
      VALUES,
    );
    assert.equal(render('{..}', [1, [2]]), '[1,[2]] [2]');
  });

  it('takes a key in brackets by its very name before it takes it as a path, unlike kubectl', () => {
    assert.equal(render("{.labels['a.b']}"), 'dotted');
    assert.equal(render("{.labels['a.c', 'a.b']}"), 'dotted');
    assert.equal(render("{['labels.a.b']}"), 'nested');
    assert.equal(render('{.labels[\'web/html\']}{.labels["k8s-app"]}'), '1520');
  });

  it('finds nothing where nothing is, and never what JavaScript has of its own', () => {
    for (const template of [
      '{.hello}',
      '{.hello.there[0]}',
      '{.empty[0]}',
      '{.numbers[9]}',
      '{.numbers[-9]}',
      '{.numbers[2:1]}',
      '{.text[0]}',
      '{.labels[0]}',
      '{.text.length}',
      '{.numbers.length}',
      '{.constructor}',
      '{.__proto__}',
      "{['constructor']}",
      '{.numbers[?(@.x)]}',
      '{.numbers[?(@ == "1")]}',
      '{.mixed[?(@ > 5)]}',
    ])
      assert.equal(render(template), '', template);
    assert.equal(render('before-{.hello}after'), 'before-after');
  });

  it('without braces is a path when it looks like one, else text', () => {
    assert.equal(render('.numbers[0]'), '1');
    assert.equal(render('$.numbers[0]'), '1');
    assert.equal(render('hello jsonpath'), 'hello jsonpath');
    assert.equal(render(''), '');
  });

  it('shows values as it is told to, and its own text as it was typed', () => {
    const template = parseTemplate('{"\\x1b[1m"}{.text}{.points[0]}', 'template');
    const shown = renderTemplate(template, VALUES, text => `<${text.length}>`);
    assert.equal(shown, '\u001b[1m<9><24>');
  });
});

describe('a template with a mistake', () => {
  const mistake = (template: string): CliError => {
    try {
      parseTemplate(template, '-o jsonpath');
    } catch (error) {
      assert.ok(error instanceof CliError, `${template}: ${error}`);
      return error;
    }
    return assert.fail(`nothing is wrong with ${template}`);
  };

  it('says where and what (2)', () => {
    for (const [template, column, message] of [
      ['{.kind', 1, /the \{ that is here has no \}/],
      ['a{', 2, /has no \}/],
      ['{}', 2, /expected a path/],
      ['{.a b}', 5, /expected \} instead of "b"/],
      ['{hello}', 2, /"hello" is neither range nor end; a field is written \.hello/],
      ['{.items[}', 9, /expected a number, \*, a 'key' or \?\(\.\.\.\) instead of "\}"/],
      ['{.items[0', 8, /the \[ that is here has no \]/],
      ['{.items[0}', 10, /expected \] or , instead of "\}"/],
      ['{.items[1:2:0]}', 9, /numbers are such as/],
      ["{.items['a]}", 9, /the key that begins here has no closing '/],
      ['{.items[?(@.x}', 14, /expected a comparison or \) instead of "\}"/],
      ['{.items[?(@.x', 9, /the filter that begins here has no \)/],
      ['{.items[?(@.x=1)]}', 14, /comparisons are ==/],
      ['{.items[?(@.x<>1)]}', 14, /comparisons are ==/],
      ['{.items[?(@.x=~"a")]}', 14, /regular expressions are not supported/],
      ['{.items[?(@.x==a)]}', 16, /fields are written @\.a, texts "a"/],
      ['{.items[?(@.x==1 && @.y==2)]}', 18, /one comparison/],
      ['{.items[?@.x]}', 10, /a filter is written \?\(/],
      ['{range .items[*]}{.a}', 1, /the range that begins here has no \{end\}/],
      ['{range}', 7, /range wants a path/],
      ['{.a}{end}', 5, /there is no range to end/],
      ['{"a}', 2, /the text that begins here has no closing "/],
      ['{"\\q"}', 4, /no such escape/],
      ['{....a}', 2, /more dots/],
    ] as const) {
      const { message: said, exitCode } = mistake(template);
      assert.equal(exitCode, 2, template);
      assert.match(said, message, template);
      assert.ok(said.startsWith(`-o jsonpath, character ${column}: `), `${template}: ${said}`);
    }
  });

  it('shows the line with a caret under the place, and nothing of it raw', () => {
    assert.deepEqual(mistake('{.kind}\n\u001b{.a b}\n{.c}').hints, ['\\x1b{.a b}', '        ^']);
    const [line = '', caret = ''] = mistake(`${'x'.repeat(200)}{.a b}${'y'.repeat(200)}`).hints;
    assert.ok(line.length < 100);
    assert.equal(line.charAt(caret.length - 1), 'b');
  });

  it('is bounded', () => {
    assert.match(mistake(`{${'[?(@'.repeat(1_000)}`).message, /more than 16 filters/);
    assert.match(mistake('{range .a}'.repeat(1_000)).message, /more than 64 ranges/);
    assert.match(mistake('x'.repeat(70_000)).message, /longer than 65536/);
    let value: unknown = 1;
    for (let depth = 0; depth < 16; depth += 1) value = [value, value];
    const path = parsePathOnly('..*'.repeat(6), 'path');
    assert.throws(() => evaluate(path, value), /more than a million values/);
  });
});

describe('a path alone', () => {
  it('may have braces and a leading dot, or not', () => {
    for (const path of [
      'labels.a.b',
      '.labels.a.b',
      '{.labels.a.b}',
      '{labels.a.b}',
      '$.labels.a.b',
      ' labels.a.b ',
    ])
      assert.deepEqual(evaluate(parsePathOnly(path, 'path'), VALUES), ['nested'], path);
    assert.deepEqual(evaluate(parsePathOnly('points[?(@.z==1)].id', 'path'), VALUES), ['i2']);
    assert.deepEqual(evaluate(parsePathOnly('labels.a\\.b', 'path'), VALUES), ['dotted']);
  });

  it('is one path and nothing else', () => {
    for (const path of ['', '{}', '{.a}{.b}', '.a b', '{.a', 'a}', '.'.repeat(5), 'a.'])
      assert.throws(() => parsePathOnly(path, 'path'), CliError, path);
  });
});
