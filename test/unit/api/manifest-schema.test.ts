import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { suite, test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { parse } from 'yaml';
import { judgeManifest } from '../../../src/api/manifest-issue.ts';
import { type JsonSchema, manifestJsonSchema } from '../../../src/api/manifest-schema.ts';
import { SCHEMA_LINE } from '../../../src/api/schema-line.ts';

const schema = manifestJsonSchema();
const specFields = schema.properties?.spec?.properties ?? {};
const validate = new Ajv({ strict: true, allErrors: true, formats: { ipv4: isIPv4, ipv6: isIPv6 } }).compile(
  schema,
);

function manifest(spec: object): object {
  return {
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name: 'web' },
    spec: { root: '/srv/web', ...spec },
  };
}

function check(value: unknown, isValid: boolean): void {
  assert.equal(validate(value), isValid, `${JSON.stringify(value)}: ${JSON.stringify(validate.errors)}`);
}

/** Of each field what an editor has to object to. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  root: ['srv', '/srv/../etc', '/a\nb', 8, null, ''],
  path: ['nix/store', '/..', true],
  config: ['', ['a'], 'x'.repeat(65_537)],
  flake: ['-x', 'a b', 'a#b#c', '#web', 'x#"'],
  update: ['Reload', true],
  command: [[], '/bin/sh', [1], Array(257).fill('x')],
  environment: [{ 'A B': 'x' }, { '1A': 'x' }, { A: 1 }, ['A=x'], Object.fromEntries(keys(257))],
  autoStart: ['yes', 'true', 1],
  dependsOn: ['db', ['DB'], [''], ['a', 'a'], [1], Array(65).fill('a'), null],
  priority: ['1', 1.5, 1_000_000_001, -1_000_000_001, null, true],
  restartPolicy: ['always', 'no'],
  restartIfChanged: ['no'],
  privateNetwork: ['yes', {}],
  hostAddress: ['10.1', '10.0.0.256', '10.0.0.1/24', 'fd00::1'],
  localAddress: ['10.0.0', '010.0.0.1'],
  hostAddress6: ['10.0.0.1', 'fd00::1%eth0', 'g::1', 'fd00:::1'],
  localAddress6: ['10.0.0.1', 'fd00'],
  macvlans: ['eth1', ['a/b'], ['a-name-that-is-too-long'], ['eth1', 'eth1'], [':']],
  interfaces: [['eth1:x'], ['-x'], Array(65).fill('e')],
  ephemeral: ['true'],
  volatile: ['tmpfs', 'Yes'],
  readiness: ['Notify', 'ready'],
  startupProbe: [{}, { exec: { command: [] } }, { unit: { name: 'a' }, successThreshold: 2 }, true],
  readinessProbe: [
    { tcpSocket: {} },
    { tcpSocket: { port: 0 } },
    { tcpSocket: { port: 1, host: 'web' } },
    { httpGet: { port: 1, path: 'x' } },
    { httpGet: { port: 1, httpHeaders: [{ name: 'a b', value: '' }] } },
    { tcpSocket: { port: 1 }, unit: { name: 'a' } },
  ],
  livenessProbe: [
    { unit: { name: '-a' } },
    { unit: { name: 'a' }, periodSeconds: 0 },
    { exec: { command: ['/a'] }, timeoutSeconds: 0.5 },
  ],
  timeoutStartSec: [0, -1, 86_401, '2 fortnights', '', 'min', 'a minute'],
  timeoutStopSec: [true, [], '2mins'],
  rollback: ['yes', 1],
  progressDeadlineSeconds: [true, [], '2mins'],
  resolvConf: ['on', 'copy'],
  guestHosts: ['on'],
  hostsAlias: ['on'],
  extraFlags: ['--bind=/a', ['-b'], ['--Bind=/a'], ['bind'], ['--a b']],
};

function keys(count: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [`K${index}`, 'v']);
}

suite('the JSON Schema', () => {
  test('takes the examples, which name it', () => {
    const directory = new URL('../../../manifests/', import.meta.url);
    const files = readdirSync(directory);
    assert.ok(files.length > 1);
    for (const file of files) {
      const text = readFileSync(new URL(file, directory), 'utf8');
      check(parse(text), true);
      assert.equal(text.split('\n')[0], `#${SCHEMA_LINE}`);
    }
  });

  test('has a description of every field, in whole sentences', () => {
    const described: string[] = [];
    const visit = (path: string, node: JsonSchema): void => {
      if (path !== '') described.push(path);
      assert.match(node.description ?? '', /^[A-Z].*\.$/, `description of ${path}`);
      for (const [field, value] of Object.entries(node.properties ?? {})) visit(`${path}.${field}`, value);
    };
    visit('', schema);
    assert.ok(described.includes('.metadata.name') && described.includes('.spec.extraFlags'));
  });

  test('takes no other field, and none that is wrong', () => {
    assert.deepEqual(Object.keys(WRONG).sort(), Object.keys(specFields).sort());
    for (const [field, values] of Object.entries(WRONG))
      for (const value of values) {
        check(manifest({ [field]: value }), false);
        const { issues } = judgeManifest(manifest({ [field]: value }));
        assert.ok(issues.length > 0, `nspawnd takes ${field}: ${JSON.stringify(value)}`);
      }
    check(manifest({ hostAdress: '10.0.0.1' }), false);
    check({ ...manifest({}), kind: 'Pod' }, false);
    check({ ...manifest({}), apiVersion: 'v1' }, false);
    check({ ...manifest({}), status: {} }, false);
    for (const name of ['Web', 'a_b', '-a', 'a-', '', 'x'.repeat(64)])
      check({ ...manifest({}), metadata: { name } }, false);
    check({ ...manifest({}), metadata: {} }, false);
    check({ ...manifest({}), metadata: { name: 'web', labels: { tier: 1 } } }, false);
  });

  test('knows what a guest is made from, and what needs a link', () => {
    check({ ...manifest({}), spec: {} }, false);
    check({ ...manifest({}), spec: { flake: '/etc/nixos' } }, true);
    check(manifest({ hostAddress: '10.0.0.1' }), false);
    check(manifest({ hostAddress: '10.0.0.1', privateNetwork: true }), true);
  });

  test("what it shows as a field's default or example is taken, by it and by nspawnd", () => {
    for (const [field, { default: value, examples = [] }] of Object.entries(specFields)) {
      for (const shown of [value, ...examples].filter(candidate => candidate !== undefined)) {
        const needs = {
          ...(field.startsWith('hostAddress') ? { privateNetwork: true } : {}),
          ...(field === 'update' ? { path: '/nix/store/x' } : {}),
        };
        const given = manifest({ ...needs, [field]: shown });
        check(given, true);
        assert.deepEqual(judgeManifest(given).issues, [], `${field}: ${JSON.stringify(shown)}`);
      }
    }
  });

  test('objects to no span that nspawnd takes, and takes its time for none', () => {
    const unit = fc.constantFrom('ms', 's', 'sec', ' min', 'h', ' days', 'm', ' ');
    const span = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), unit), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(span, parts => {
        const text = parts.map(([amount, word]) => `${amount}${word}`).join(' ');
        const given = manifest({ timeoutStopSec: text });
        // Amounts without a unit in front of others are summed up by systemd, and meant by nobody.
        if (/\d\s+\d/.test(text) || judgeManifest(given).issues.length > 0) return;
        check(given, true);
      }),
    );
    const begin = performance.now();
    check(manifest({ timeoutStopSec: `${'1'.repeat(60)}x` }), false);
    assert.ok(performance.now() - begin < 1_000);
  });
});
