import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { sleeper } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { type Scene, standing } from './scene.ts';

const MANIFESTS = '/etc/nspawnd/manifests';
const FILES = { sample: 100, whole: 1000 } as const;

export const garbage: Fault = {
  name: 'garbage',
  title:
    'manifests of random garbage and of almost-valid input: each is named or taken for what it says, and nobody else is harmed',
  run: async scene => {
    const { world, size, seed } = scene;
    const before = await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
    const were = await standing(world);
    const texts = fc.sample(anyFile, { numRuns: FILES[size], seed });
    const directory = world.host.path(MANIFESTS);
    // In their place at once, as a careless program writes them.
    for (const [index, text] of texts.entries()) await writeFile(`${directory}/g-${index}.yaml`, text);
    const startedAt = performance.now();
    await eventually(async () => (await world.source()).files >= FILES[size], {
      timeoutMs: 120_000,
      everyMs: 200,
      describe: 'all files to be read',
    });
    await world.drop('among', sleeper());
    await world.untilReady('among');
    const seconds = (performance.now() - startedAt) / 1000;
    assert.deepEqual(await standing(world), were);

    // What is broken is not reported before it was looked at twice.
    const named = await eventually(
      async () => {
        const { problems } = await world.source();
        const files = new Set(problems.map(({ file }) => file));
        await everyFileIsAccountedFor(scene, texts, files, problems.length < MAX_PROBLEMS);
        return files;
      },
      { timeoutMs: 30_000, describe: 'every file to be accounted for' },
    );
    const taken = (await world.list()).filter(({ metadata }) => !/^(lives-|among)/.test(metadata.name));
    const listed = await world.ctl('get');
    assert.equal(listed.exitCode, 0);
    assert.equal(await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd'), before, 'the same nspawnd');

    await world.sh('sh', '-c', `rm -f ${MANIFESTS}/g-*.yaml`);
    await eventually(
      async () => {
        const { held } = await world.source();
        if (held !== null) await world.ctl('prune', '--confirm', held.hash);
        assert.equal((await world.list()).length, Object.keys(were).length + 1);
        return true;
      },
      { timeoutMs: 120_000, describe: 'nothing to be left of what was taken' },
    );
    await world.remove('among');
    await world.untilGone('among');
    return `${texts.length} files, ${named.size} with problems, ${taken.length} taken, a good one among them Ready after ${seconds.toFixed(1)} s`;
  },
};

/** So many are told at most; `decide.ts` of the manifests. */
const MAX_PROBLEMS = 1000;

/**
 * What is neither named in a problem nor a container is a file that holds no manifest, such as an empty one. So many problems
 * are not told all: then only of the files up to the last that is named.
 */
async function everyFileIsAccountedFor(
  { world }: Scene,
  texts: readonly string[],
  named: ReadonlySet<string>,
  areAllTold: boolean,
): Promise<void> {
  const last = areAllTold ? null : [...named].sort().at(-1);
  const taken = new Set((await world.list()).map(({ metadata }) => metadata.name));
  const silent = texts.filter((text, index) => {
    const isTaken = [...text.matchAll(/name: *"?([-a-z0-9]+)/g)].some(([, name]) => taken.has(name ?? ''));
    const file = `${MANIFESTS}/g-${index}.yaml`;
    return !isTaken && !named.has(file) && (last == null || file <= last);
  });
  const isEmpty = (text: string) => /^(\s|---|#[^\n]*|null|~|\ufeff)*$/.test(text);
  assert.deepEqual(silent.filter(text => !isEmpty(text)).slice(0, 3), []);
}

/** Names that no other container has; roots that are not there, so that what is taken starts nothing. */
const name = fc.integer({ min: 0, max: 9999 }).map(number => `rubbish-${number}`);

const value = fc.oneof(
  fc.constantFrom(
    true,
    false,
    null,
    '',
    0,
    -1,
    1e308,
    '10.231.1.1',
    '::1',
    'yes',
    [],
    {},
    [[]],
    'a'.repeat(5000),
  ),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 5 }),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.integer(), { maxKeys: 5 }),
);

const FIELDS = [
  ...['root', 'autoStart', 'restartPolicy', 'privateNetwork', 'hostAddress', 'localAddress', 'localAddress6'],
  ...['macvlans', 'interfaces', 'ephemeral', 'volatile', 'readiness', 'command', 'environment', 'extraFlags'],
  ...[
    'timeoutStartSec',
    'path',
    'config',
    'flake',
    'guestHosts',
    'resolvConf',
    '__proto__',
    'constructor',
    'hostAdress',
  ],
];

const spec = fc
  .tuple(fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 4 }), fc.boolean())
  .map(([fields, hasRoot]) => ({ ...(hasRoot ? { root: '/var/lib/machines/not-there' } : {}), ...fields }));

const almostValid = fc
  .tuple(name, spec)
  .map(([word, fields]) =>
    [
      'apiVersion: nspawnd.io/v1alpha1',
      'kind: Container',
      'metadata:',
      `  name: ${word}`,
      `spec: ${JSON.stringify(fields)}`,
      '',
    ].join('\n'),
  );

/** A valid one with a piece cut out, doubled, or put in. */
const damaged = fc
  .tuple(almostValid, fc.nat(), fc.nat({ max: 40 }), fc.string({ unit: 'grapheme', maxLength: 10 }))
  .map(([text, at, length, put]) => {
    const from = at % text.length;
    return text.slice(0, from) + put + text.slice(from + length);
  });

const nasty = fc.constantFrom(
  `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n`,
  '['.repeat(10_000),
  '{a: '.repeat(5_000),
  '- '.repeat(3_000),
  'x: !!js/function "() => process.exit()"\n',
  '%YAML 9.9\n---\nkind: Container\n',
  'kind: Container\nkind: Container\n',
  '---\n---\n---\n',
  '\ufeffapiVersion: nspawnd.io/v1alpha1\n',
  `k: ${'9'.repeat(20_000)}\n`,
  '? [a, b]\n: {c: d}\n',
  'a: &a {<<: *a}\n',
);

const bytes = fc.string({ unit: 'binary', maxLength: 400 });

const anyFile = fc.oneof(
  { weight: 3, arbitrary: almostValid },
  { weight: 4, arbitrary: damaged },
  { weight: 2, arbitrary: bytes },
  { weight: 1, arbitrary: nasty },
  { weight: 1, arbitrary: fc.json() },
);
