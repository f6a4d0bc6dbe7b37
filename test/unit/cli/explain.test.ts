import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { manifestJsonSchema } from '../../../src/api/manifest-schema.ts';
import { placeInSchema, typeInWords } from '../../../src/api/schema-path.ts';
import { wrap } from '../../../src/cli/view/wrap.ts';
import { changeClassOf } from '../../../src/planning/change.ts';
import { paintAnsi } from '../../../src/view/paint.ts';
import { nspawnctl } from './nspawnctl.ts';

const FIELDS = Object.keys(manifestJsonSchema().properties?.spec?.properties ?? {});

describe('explain', () => {
  it('says of a field what kubectl explain would, and what a change of it costs', async () => {
    const { code, out, err } = await nspawnctl(['explain', 'spec.restartPolicy']);
    assert.deepEqual([code, err], [0, '']);
    assert.equal(
      out,
      `GROUP:      nspawnd.io
KIND:       Container
VERSION:    v1alpha1

FIELD: spec.restartPolicy <string>

ENUM:
    OnFailure
    Always
    Never

DESCRIPTION:
    What happens when the guest ends. OnFailure starts it again, ever later,
    unless it powered itself off; Always also then; Never leaves it down. A stop
    that was asked for always holds, and a guest that reboots always starts
    again.

DEFAULT:
    OnFailure

WHEN CHANGED:
    live: no restart; a running guest goes on.
`,
    );
  });

  it('knows bounds, examples, required fields, lists and mappings', async () => {
    const out = async (field: string) => (await nspawnctl(['explain', field])).out;
    assert.match(await out('spec.timeoutStopSec'), /<number or string>[\s\S]*more than 0, at most 86400;/);
    assert.match(
      await out('spec.timeoutStopSec'),
      /EXAMPLES:\n {4}timeoutStopSec: 90\n {4}timeoutStopSec: 2min\n/,
    );
    assert.match(await out('metadata.name'), /^FIELD: metadata\.name <string> -required-$/m);
    assert.match(await out('spec.command'), /<\[\]string>[\s\S]*command: \["\/usr\/bin\/sleep","infinity"\]/);
    assert.match(await out('spec.environment'), /<map\[string\]string>/);
    assert.match(await out('spec.environment.ANY_NAME'), /^FIELD: spec\.environment\.ANY_NAME <string>$/m);
    assert.match(await out('spec.command'), /^ {4}restart: /m);
    assert.match(await out('spec.config'), /^ {4}reload: /m);
  });

  it('shows all fields of what has some, with --recursive only their names and types', async () => {
    const { out } = await nspawnctl(['explain', 'spec']);
    for (const field of FIELDS) assert.match(out, new RegExp(`^  ${field} <.*>\\n    \\w`, 'm'));
    const recursive = (await nspawnctl(['explain', '--recursive'])).out;
    assert.match(recursive, /^ {2}spec <Object> -required-\n {4}root <string>\n {4}path <string>$/m);
    assert.doesNotMatch(recursive, /Directory of the guest/);
  });

  it('takes the path as kubectl has it', async () => {
    const expected = (await nspawnctl(['explain', 'spec.root'])).out;
    for (const field of ['container.spec.root', 'containers.spec.root', '.spec.root'])
      assert.equal((await nspawnctl(['explain', field])).out, expected);
    assert.equal((await nspawnctl(['explain', 'containers'])).out, (await nspawnctl(['explain'])).out);
  });

  it('of what there is not says what may be meant (66)', async () => {
    for (const [field, hint] of [
      ['spec.hostAdress', 'did you mean spec.hostAddress?'],
      ['spec.restart_policy', 'did you mean spec.restartPolicy?'],
      ['spce', 'did you mean spec?'],
      ['hostAddress', 'did you mean spec.hostAddress?'],
      ['spec.xyzzyxyzzy', 'see what there is: nspawnctl explain spec'],
      ['spec.root.x', 'spec.root has no fields: nspawnctl explain spec.root'],
      ['status', 'the status is what nspawnd says of a container: nspawnctl get NAME -o yaml'],
      ['spec.__proto__', 'see what there is: nspawnctl explain spec'],
    ] as const) {
      const { code, out, err } = await nspawnctl(['explain', field]);
      assert.deepEqual([code, out], [66, ''], field);
      assert.equal(err, `nspawnctl: no field "${field}" in a manifest\n  ${hint}\n`);
    }
    const { err } = await nspawnctl(['explain', 'spec.\u001b[2Jx']);
    assert.ok(!err.includes('\u001b'), err);
  });

  it('sets its headings apart on a terminal', async () => {
    const { out } = await nspawnctl(['explain', 'spec'], { paint: paintAnsi });
    assert.ok(out.includes('\u001b[1mFIELDS:\u001b[0m\n'), out);
  });
});

describe('wrapping', () => {
  it('breaks between words, keeps long ones whole, and loses none', () => {
    assert.deepEqual(wrap('a bb  ccc\ndddddddd e', 5), ['a bb', 'ccc', 'dddddddd', 'e']);
    assert.deepEqual(wrap(' ', 5), []);
  });
});

describe('the tables of the README', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const schema = manifestJsonSchema();
  const rowOf = (section: string, field: string) => {
    const table = readme.slice(readme.indexOf(`| \`${section}.\``));
    const row = table.split('\n').find(line => line.startsWith(`| \`${field}\` `));
    return row?.split(/ +\| +|^\| +| +\|$/).slice(1, -1) ?? [];
  };

  it('have every field, its type, its bounds and its default', () => {
    for (const section of ['metadata', 'spec']) {
      const { schema: fields } = field(section);
      for (const [name, of] of Object.entries(fields.properties ?? {})) {
        const [, type = '', preset = '', meaning = ''] = rowOf(section, name);
        assert.match(type, TYPE_IN_README[typeInWords(of)] ?? /^$/, `${section}.${name}: ${type}`);
        for (const bound of [of.minItems, of.maxItems, of.maxProperties, of.anyOf?.[0]?.maximum])
          if (typeof bound === 'number') assert.match(type, new RegExp(`\\b${bound}\\b`), name);
        for (const word of name === 'resolvConf' ? [] : (of.enum ?? []))
          assert.ok(meaning.includes(`\`${word}\``), `${name}: ${word}`);
        if (of.default !== undefined) {
          const shown = typeof of.default === 'string' ? of.default : JSON.stringify(of.default);
          assert.equal(preset, `\`${shown}\``, name);
        }
      }
    }
  });
  it('say what a change costs', () => {
    for (const name of FIELDS) assert.equal(rowOf('spec', name)[4], changeClassOf(name), name);
  });

  function field(section: string) {
    const place = placeInSchema(schema, [section]);
    assert.ok(place.is === 'field');
    return place;
  }
});

/** The words of a table for those of a schema. */
const TYPE_IN_README: Readonly<Record<string, RegExp>> = {
  string: /^(?:path|text|word|IPv[46] address)\b/,
  boolean: /^boolean$/,
  integer: /^whole number$/,
  '[]string': /^list\b/,
  'map[string]string': /^mapping\b/,
  'number or string': /^time span\b/,
  Object: /^probe\b/,
};
