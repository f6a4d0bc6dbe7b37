import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ManifestContent } from '../../../src/api/manifest-content.ts';
import { manifestText } from './manifest-text.ts';
import { SourceHost } from './source-host.ts';

/** A manifest whose spec is told apart by one word of its environment. */
function web(word: string, address = '10.0.0.2', comment = ''): string {
  return `${comment}
apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: web }
spec: { root: /srv/web, privateNetwork: true, localAddress: ${address}, environment: { A: ${word} } }
`;
}

class Rolled {
  readonly host: SourceHost;

  constructor(host: SourceHost) {
    this.host = host;
  }

  /** The word in force, and what else is known of it. */
  state(name = 'web'): string {
    const desired = this.host.source.desired(name);
    if (desired.state !== 'present') return desired.state;
    const { rollout, manifest, generation } = desired;
    const words = [manifest.written.environment].map(found => Object(found).A as string);
    if (rollout?.isProven) words.push('proven');
    if (rollout?.fallback) words.push(`else ${rollout.fallback.revision}`);
    if (rollout?.refused) words.push(`not ${rollout.refused.revision}: ${rollout.refused.because}`);
    if (rollout?.stuckBecause) words.push('stuck');
    return `${generation}: ${words.join(', ')}`;
  }

  hash(name = 'web'): string {
    const desired = this.host.source.desired(name);
    return desired.state === 'present' ? desired.manifest.specHash : '';
  }

  revisions(): readonly string[] {
    return (this.host.source.revisions('web') ?? []).map(found => {
      const { revision, spec, readyAt, rejected, isInForce, isInManifest } = found;
      const word = Object(spec.environment).A as string;
      const marks = [isInForce ? 'in force' : '', isInManifest ? 'said' : ''];
      const past = [readyAt === undefined ? '' : 'ready', rejected?.because ?? ''];
      return [revision, word, ...marks, ...past].filter(mark => mark !== '').join(' ');
    });
  }

  prove(): Promise<void> {
    return this.host.source.proveSpec('web', this.hash());
  }

  reject(): Promise<void> {
    return this.host.source.rejectSpec('web', this.hash(), 'it failed');
  }

  async edit(word: string, address?: string, comment?: string): Promise<void> {
    await this.host.moveIn('web.yaml', web(word, address, comment));
    await this.host.source.rescan();
  }

  /** Nothing survives but the disk. */
  async restart(): Promise<void> {
    await this.host.startSource();
  }
}

async function start(context: Parameters<typeof SourceHost.start>[0], files = {}): Promise<Rolled> {
  return new Rolled(await SourceHost.start(context, { files: { 'web.yaml': web('good'), ...files } }));
}

/** Good was Ready, bad was not. */
async function rolledBack(context: Parameters<typeof SourceHost.start>[0], files = {}): Promise<Rolled> {
  const rolled = await start(context, files);
  await rolled.prove();
  await rolled.edit('bad');
  await rolled.reject();
  return rolled;
}

describe('a spec', () => {
  test('has nothing to go back to before one was Ready', async t => {
    const rolled = await start(t);
    assert.equal(rolled.state(), '1: good');
    await rolled.reject();
    await rolled.edit('bad');
    assert.equal(rolled.state(), '2: bad');
    await rolled.reject();
    assert.equal(rolled.state(), '2: bad');
  });

  test('that was Ready is what later ones go back to', async t => {
    const rolled = await start(t);
    await rolled.prove();
    assert.equal(rolled.state(), '1: good, proven');
    await rolled.edit('bad');
    assert.equal(rolled.state(), '2: bad, else 1');
    await rolled.reject();
    assert.equal(rolled.state(), '3: good, proven, not 2: it failed');
    assert.deepEqual(rolled.revisions(), ['1 good in force ready', '2 bad said it failed']);
    assert.ok(rolled.host.triggered.filter(name => name === 'web').length >= 2);
  });

  for (const first of ['proof', 'deletion'] as const)
    test(`that is proven while its deletion is confirmed does not bring it back: first the ${first}`, async t => {
      const others = ['other-1', 'other-2', 'other-3'];
      const files = others.map(name => [`${name}.yaml`, manifestText(name)]);
      const rolled = await start(t, Object.fromEntries(files));
      const { source } = rolled.host;
      await rolled.host.remove('web.yaml', ...files.map(([file = '']) => file));
      await rolled.host.settle();
      const { held } = source.status();
      assert.ok(held?.names.includes('web'));
      const confirmHash = held?.hash ?? '';
      const hash = rolled.hash();
      const acts = [() => source.proveSpec('web', hash), () => source.confirmPrune(confirmHash)];
      if (first === 'deletion') acts.reverse();
      await Promise.all(acts.map(act => act()));
      await source.rescan();
      assert.equal(rolled.state(), 'absent');
      assert.equal(source.status().held, null);
    });

  test('that is not in force is neither proven nor rejected', async t => {
    const rolled = await start(t);
    const before = rolled.hash();
    await rolled.edit('other');
    await rolled.host.source.proveSpec('web', before);
    await rolled.host.source.rejectSpec('web', before, 'late');
    assert.equal(rolled.state(), '2: other');
    assert.deepEqual(rolled.revisions(), ['1 good', '2 other in force said']);
  });

  test('that was tried in vain stays out, whatever is done to the file but changing it', async t => {
    const rolled = await rolledBack(t);
    const expected = '3: good, proven, not 2: it failed';
    await rolled.edit('bad', undefined, '# touched');
    assert.equal(rolled.state(), expected);
    await rolled.restart();
    assert.equal(rolled.state(), expected);
    await rolled.host.remove('web.yaml');
    await rolled.host.moveIn('renamed.yaml', web('bad'));
    await rolled.host.settle();
    assert.equal(rolled.state(), expected);
    await rolled.host.moveIn('again.yaml', web('other'));
    await rolled.host.settle();
    assert.equal(rolled.host.state('web'), 'present, with problems');
    await rolled.host.remove('again.yaml');
    await rolled.host.moveIn('renamed.yaml', 'spec: [');
    rolled.host.clock.skip(5000);
    await rolled.host.settle(5000);
    assert.equal(rolled.state(), expected);
    await rolled.host.moveIn('renamed.yaml', web('bad'));
    await rolled.host.settle();
    assert.equal(rolled.state(), expected);
    assert.deepEqual(rolled.revisions(), ['1 good in force ready', '2 bad said it failed']);
  });

  test('that was tried in vain keeps its name when it is renamed and somebody else takes that name at once', async t => {
    const rolled = await rolledBack(t);
    await rolled.host.moveIn('again.yaml', web('other'));
    await rolled.host.moveIn('renamed.yaml', web('bad'));
    await rolled.host.remove('web.yaml');
    await rolled.host.settle();
    assert.equal(rolled.state(), '3: good, proven, not 2: it failed');
    assert.match(rolled.host.problems().join(), /^again\.yaml:.*is also declared at .*renamed\.yaml/);
  });

  test('that was tried in vain is tried again when the file said something else in between', async t => {
    const rolled = await rolledBack(t);
    await rolled.edit('good');
    assert.equal(rolled.state(), '3: good, proven');
    await rolled.edit('bad');
    assert.equal(rolled.state(), '4: bad, else 3');
    await rolled.reject();
    await rolled.edit('worse');
    assert.equal(rolled.state(), '6: worse, else 3');
  });

  test('that was tried in vain is tried again when somebody asks', async t => {
    const rolled = await rolledBack(t);
    assert.equal((await rolled.host.source.retrySpec('web')).is, 'tried');
    assert.equal(rolled.state(), '4: bad, else 1');
    assert.equal((await rolled.host.source.retrySpec('web')).is, 'refused');
    assert.deepEqual(rolled.revisions(), ['1 good ready', '3 bad in force said']);
  });

  test('is forgotten with its manifest', async t => {
    const rolled = await rolledBack(t);
    await rolled.host.remove('web.yaml');
    await rolled.host.settle();
    assert.equal(rolled.state(), 'absent');
    assert.equal(rolled.host.source.revisions('web'), null);
    await rolled.edit('bad');
    await rolled.host.settle();
    assert.match(rolled.state(), /^\d: bad$/);
    assert.deepEqual(rolled.revisions(), ['1 bad in force said']);
  });

  test('does not come back over what another has taken since', async t => {
    const rolled = await start(t);
    await rolled.prove();
    await rolled.edit('bad', '10.0.0.9');
    const db = web('db').replace('name: web', 'name: db').replace('/srv/web', '/srv/db');
    await rolled.host.moveIn('db.yaml', db);
    await rolled.host.source.rescan();
    assert.equal(rolled.state('db'), '1: db');
    await rolled.reject();
    assert.equal(rolled.state(), '2: bad, else 1, stuck');
    assert.equal(rolled.state('db'), '1: db');
    await rolled.restart();
    assert.equal(rolled.state(), '2: bad, else 1, stuck');
  });

  test('goes with at most nine others, the one that was Ready among them', async t => {
    const rolled = await start(t);
    await rolled.prove();
    for (let number = 1; number <= 12; number++) await rolled.edit(`bad${number}`);
    const revisions = rolled.revisions();
    assert.equal(revisions.length, 10);
    assert.deepEqual([revisions[0], revisions.at(-1)], ['1 good ready', '13 bad12 in force said']);
    await rolled.reject();
    assert.equal(rolled.state(), '14: good, proven, not 13: it failed');
  });
});

describe('a request to change a manifest that was tried in vain', () => {
  const write = (rolled: Rolled, change: (before: ManifestContent) => ManifestContent) =>
    rolled.host.source.writeManifest('web', before => change(before as ManifestContent), false);

  test('changes what is in force', async t => {
    const rolled = await rolledBack(t);
    const writing = await write(rolled, before => ({
      ...before,
      spec: { ...before.spec, hostAddress: '10.0.0.1' },
    }));
    assert.equal(writing.is, 'written');
    assert.equal(rolled.state(), '4: good, else 1');
  });

  test('may make it say the same as what is in force, or what was tried', async t => {
    const rolled = await rolledBack(t);
    const bad = rolled.host.source.revisions('web')?.at(-1)?.spec ?? {};
    for (const labels of [{}, { a: 'b' }])
      assert.equal((await write(rolled, before => ({ ...before, labels, spec: bad }))).is, 'written');
    assert.equal(rolled.state(), '3: good, proven, not 2: it failed');
    assert.equal((await write(rolled, before => ({ ...before }))).is, 'written');
    assert.equal(rolled.state(), '3: good, proven');
    assert.equal((await write(rolled, before => ({ ...before, spec: bad }))).is, 'written');
    assert.equal(rolled.state(), '4: bad, else 3');
  });
});
