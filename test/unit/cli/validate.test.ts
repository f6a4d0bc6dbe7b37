import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { paintAnsi, paintPlain } from '../../../src/view/paint.ts';
import { temporaryDirectory } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

describe('validate', () => {
  const GOOD = (name: string) =>
    `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: ${name} }\nspec:\n  root: /var/lib/machines/${name}\n`;
  const BAD = `${GOOD('bad')}  privateNetwork: true\n  hostAddress: 10.231.136\n  restartPolcy: Always\n`;

  it('says of good files how many containers they hold', async t => {
    const directory = await temporaryDirectory(t);
    await writeFile(join(directory, 'web.yaml'), `${GOOD('web')}---\n${GOOD('db')}`);
    await writeFile(
      join(directory, 'c.json'),
      JSON.stringify({
        apiVersion: 'nspawnd.io/v1alpha1',
        kind: 'Container',
        metadata: { name: 'c' },
        spec: { root: '/c' },
      }),
    );
    await writeFile(join(directory, '.hidden.yaml'), 'not: a manifest');
    await writeFile(join(directory, 'web.yaml~'), 'not: a manifest');
    await mkdir(join(directory, 'team/.git'), { recursive: true });
    await writeFile(join(directory, 'team/d.yml'), GOOD('d'));
    await writeFile(join(directory, 'team/.git/e.yaml'), 'not: a manifest');
    await mkdir(join(directory, 'team/old.bak'));
    await writeFile(join(directory, 'team/old.bak/f.yaml'), 'not: a manifest');
    const { code, out, err } = await nspawnctl(['validate', directory]);
    assert.deepEqual([code, out, err], [0, '4 containers in 3 files: valid\n', '']);
  });

  it('shows every problem of every file as file:line:column: field: message (65)', async t => {
    const directory = await temporaryDirectory(t);
    const file = join(directory, 'bad.yaml');
    await writeFile(file, BAD);
    await writeFile(join(directory, 'worse.yaml'), 'a: [');
    const { code, out, err } = await nspawnctl(['validate', file, join(directory, 'worse.yaml')]);
    assert.equal(code, 65);
    assert.match(out, /bad\.yaml:7:16: spec\.hostAddress: not an IPv4 address: "10\.231\.136"$/m);
    assert.match(out, /bad\.yaml:8:3: spec\.restartPolcy: .*restartPolicy/m);
    assert.match(out, /worse\.yaml:1:\d+: /m);
    assert.match(err, /^\d+ problems in 2 files\n$/);
  });

  it('tells a file that is not there (66) from one that is too large (65)', async t => {
    const directory = await temporaryDirectory(t);
    const missing = await nspawnctl(['validate', join(directory, 'no.yaml')]);
    assert.equal(missing.code, 66);
    assert.match(missing.err, /^nspawnctl: no such file: .*no\.yaml\n$/);
    await writeFile(join(directory, 'big.yaml'), `${GOOD('web')}#${'x'.repeat(3_000_000)}\n`);
    const big = await nspawnctl(['validate', directory]);
    assert.equal(big.code, 65);
    assert.match(big.out, /larger than/);
  });

  it('shows a person the offending line with a caret, whatever is in it', async t => {
    const file = join(await temporaryDirectory(t), 'bad.yaml');
    await writeFile(file, `${BAD}  hostAddress6: "\u001b[31mx\u202e"\n`);
    const { out } = await nspawnctl(['validate', file], { paint: paintPlain });
    assert.match(out, /: spec\.hostAddress: [^\n]*\n {4}hostAddress: 10\.231\.136\n {17}\^\n/);
    assert.match(out, /\n {4}hostAddress6: "\\x1b\[31mx\\u202e"\n {18}\^\n/);
    const painted = await nspawnctl(['validate', file], { paint: paintAnsi });
    assert.ok(painted.out.includes(paintAnsi('bad', '^')));
    assert.doesNotMatch((await nspawnctl(['validate', file])).out, /\^/);
  });

  it('goes through the files from top to bottom', async t => {
    const directory = await temporaryDirectory(t);
    const [a, b] = [join(directory, 'a.yaml'), join(directory, 'b.yaml')];
    // What manifests say to each other comes up after what is wrong in each.
    await writeFile(b, `${GOOD('web')}---\n${BAD}`);
    await writeFile(a, `${GOOD('web')}---\n${BAD.replace('bad', 'other')}  autoStart: no\n`);
    const { out } = await nspawnctl(['validate', b, a]);
    const places = [...out.matchAll(/^.*\/([ab])\.yaml:(\d+):/gm)].map(([, file, line]) => `${file}${line}`);
    assert.deepEqual(places, ['b3', 'b13', 'b14', 'a13', 'a14', 'a15']);
  });

  it('puts the caret below the column that a person sees', async t => {
    const file = join(await temporaryDirectory(t), 'bad.yaml');
    const shown = async (line: string) => {
      await writeFile(file, `${GOOD('web')}  ${line}\n`);
      const { out } = await nspawnctl(['validate', file], { paint: paintPlain });
      const [source = '', caret = ''] = out.split('\n').slice(1);
      return { source, caret: caret.indexOf('^') };
    };
    const wide = await shown('environment: { GREETING: "日本語", 1: "x" }');
    assert.deepEqual(wide, { source: '    environment: { GREETING: "日本語", 1: "x" }', caret: 39 });
    const tabs = await shown('\tautoStart:\tmaybe');
    assert.equal(tabs.source, '        autoStart:    maybe');
    const far = await shown(`command: [${'"x", '.repeat(100)}1, ${'"y", '.repeat(100)}]`);
    assert.equal(far.source[far.caret], '1');
    assert.match(far.source, /^ {2}….*…$/);
    assert.ok(far.source.length < 82);
  });
});
