import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MANIFEST_ANNOTATION } from '../../src/api/container.ts';
import { formatProblem } from '../../src/api/problem.ts';
import { eventually } from '../testbed/eventually.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

const world = useWorld();
const DIRECTORY = '/etc/nspawnd/manifests';

test('a file that is not YAML is named with its place, starts nothing and disturbs nobody; mended, it runs', async () => {
  await world.drop('neighbour', sleeper());
  await world.untilReady('neighbour');
  const run = await world.invocation('neighbour');

  await world.host.writeManifest('scribble.yaml', 'apiVersion: nspawnd.io/v1alpha1\nkind: [Container\n');
  await untilProblem(/^\/etc\/nspawnd\/manifests\/scribble\.yaml:\d+:\d+: /);
  await world.drop('later', sleeper());
  await world.untilReady('later');
  assert.deepEqual(await containerUnits(), ['later', 'neighbour']);
  assert.equal(await world.invocation('neighbour'), run);

  const validated = await world.ctl('validate', `${DIRECTORY}/scribble.yaml`);
  assert.equal(validated.exitCode, 65);
  assert.match(validated.stdout, /scribble\.yaml:\d+:\d+: /);
  const listed = await world.ctl('get');
  assert.equal(listed.exitCode, 0);
  assert.match(listed.stderr, /1 file has problems/);

  await world.drop('scribble', sleeper());
  await world.untilReady('scribble');
  await untilNoProblems();
});

test('a wrong field is answered with file, line, column and what was meant, also by describe and validate; mended, it runs', async () => {
  const refusals = [
    {
      name: 'misspelt',
      spec: ['privateNetwork: true', 'hostAdress: 10.231.136.1'],
      says: ':10:3: spec.hostAdress: unknown field; did you mean "hostAddress"?',
    },
    {
      name: 'cut-address',
      spec: ['privateNetwork: true', 'hostAddress: 10.231.136'],
      says: ':10:16: spec.hostAddress: not an IPv4 address: "10.231.136"',
    },
    {
      name: 'wrong-family',
      spec: ['privateNetwork: true', 'localAddress6: 10.231.136.2'],
      says: ':10:18: spec.localAddress6: not an IPv6 address: "10.231.136.2"',
    },
    {
      name: 'no-link',
      spec: ['hostAddress: 10.231.136.9'],
      says: ':9:16: spec.hostAddress: needs privateNetwork: true',
    },
    {
      name: 'mistimed',
      spec: ['restartPolicy: Sometimes'],
      says: ':9:18: spec.restartPolicy: expected OnFailure, Always, Never; found "Sometimes"',
    },
  ];
  await Promise.all(
    refusals.map(({ name, spec }) => world.host.writeManifest(`${name}.yaml`, writtenOut(name, spec))),
  );
  await Promise.all(
    refusals.map(async ({ name, says }) => {
      const place = `${DIRECTORY}/${name}.yaml${says}`;
      const isValid = await world.until(name, 'ManifestValid', 'False', 'Invalid');
      assert.ok(isValid.message.includes(place), isValid.message);
      assert.equal((await world.condition(name, 'Ready'))?.status, 'False');
      const described = await world.ctl('describe', name);
      assert.equal(described.exitCode, 0);
      assert.ok(described.stdout.includes(says), described.stdout);
    }),
  );
  const validated = await world.ctl('validate', DIRECTORY);
  assert.equal(validated.exitCode, 65);
  for (const { name, says } of refusals)
    assert.ok(validated.stdout.includes(`${name}.yaml${says}`), validated.stdout);
  assert.deepEqual(await containerUnits(), []);

  await Promise.all(refusals.map(({ name }) => world.host.writeManifest(`${name}.yaml`, writtenOut(name))));
  await world.untilReady(...refusals.map(({ name }) => name));
  const mended = await world.ctl('validate', DIRECTORY);
  assert.equal(mended.exitCode, 0, mended.stdout);
});

test('half a file, completed a second later, runs once and as the whole', async () => {
  const name = await patiently(async attempt => {
    const half = `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata:\n  name: half-${attempt}\nspec:\n  ro`;
    writeFileSync(fileAt(`half-${attempt}.yaml`), half);
    await pause(A_SECOND_MS);
    writeFileSync(fileAt(`half-${attempt}.yaml`), writtenOut(`half-${attempt}`));
    return `half-${attempt}`;
  });
  await world.untilReady(name);
  assert.equal(await environmentOf(name, 'LAST'), 'line');
  assert.deepEqual(await runsOf(name), [await world.invocation(name)]);
  // And nobody was told that it was broken, which it was for a second.
  assert.ok(!(await world.host.journal('nspawnd')).includes(`${name}.yaml:`));
});

for (const hand of ['kept open', 'closed in between'] as const) {
  test(`a file cut off after any of its lines, ${hand} and completed a second later, never runs as it was cut`, async () => {
    const begin = hand === 'kept open' ? beginOpen : beginClosed;
    const word = hand === 'kept open' ? 'open' : 'shut';
    const cuts = writtenOut('any').split('\n').slice(1, -1).keys();
    const names = await patiently(async attempt => {
      const inHand = [...cuts].map(cut => {
        const name = `cut-${word}-${cut + 1}-${attempt}`;
        return { name, complete: begin(`${name}.yaml`, writtenOut(name), cut + 1) };
      });
      await pause(A_SECOND_MS);
      for (const { complete } of inHand) complete();
      return inHand.map(({ name }) => name);
    });

    await world.untilReady(...names);
    for (const name of names) {
      const { metadata, status } = (await world.get(name)) ?? assert.fail(`${name} is there`);
      assert.equal(metadata.generation, 1, `${name} was never accepted as anything else`);
      assert.equal(status.runningSpecHash, status.specHash);
      assert.equal(await environmentOf(name, 'LAST'), 'line');
      assert.deepEqual(await runsOf(name), [await world.invocation(name)]);
    }
  });
}

test('a file of two running containers, re-written in place with a pause in the middle, restarts each once and removes none', async () => {
  const twoIn = (last: string) => `${writtenOut('upper', [], last)}---\n${writtenOut('lower', [], last)}`;
  const untilBothRun = async (last: string) => {
    const isInForce = async (name: string) => (await environmentOf(name, 'LAST')) === last;
    await eventually(async () => (await isInForce('upper')) && (await isInForce('lower')), {
      timeoutMs: 60_000,
      describe: `both containers of the file to run as re-written (${last})`,
    });
    await world.untilReady('upper', 'lower');
  };
  await world.host.writeManifest('both.yaml', twoIn('line'));
  await untilBothRun('line');
  const lines = writtenOut('upper').split('\n').length - 1;
  // In the first document, after it, after the separator, after the second name, and before the last line.
  for (const cut of [lines - 1, lines, lines + 1, lines + 5, 2 * lines]) {
    let before = await Promise.all([runsOf('upper'), runsOf('lower')]);
    const last = await patiently(
      async attempt => {
        const complete = beginClosed('both.yaml', twoIn(`${cut}-${attempt}`), cut);
        await pause(A_SECOND_MS);
        complete();
        return `${cut}-${attempt}`;
      },
      async late => {
        await untilBothRun(late);
        before = await Promise.all([runsOf('upper'), runsOf('lower')]);
      },
    );
    await untilBothRun(last);
    const after = await Promise.all([runsOf('upper'), runsOf('lower')]);
    assert.deepEqual(
      after.map(({ length }) => length),
      before.map(({ length }) => length + 1),
      `cut after line ${cut}`,
    );
  }
});

test('an address used twice stays with who had it, both places are named, and it is free when that one goes', async () => {
  const link = { privateNetwork: true, hostAddress: '10.231.136.1', localAddress: '10.231.136.2' };
  await world.drop('incumbent', sleeper(link));
  await world.untilReady('incumbent');
  const run = await world.invocation('incumbent');

  // The earlier path, so that only having had it decides.
  await world.drop('a-newcomer', sleeper(link));
  const refused = await world.until('a-newcomer', 'ManifestValid', 'False', 'Invalid');
  assert.match(
    refused.message,
    /a-newcomer\.yaml:5:\d+: spec\.localAddress: 10\.231\.136\.2 is the localAddress of "incumbent" \(\/etc\/nspawnd\/manifests\/incumbent\.yaml:1/,
  );
  assert.deepEqual(await containerUnits(), ['incumbent']);
  assert.equal(await world.invocation('incumbent'), run);
  assert.equal((await world.condition('incumbent', 'ManifestValid'))?.status, 'True');
  assert.equal((await world.ctl('validate', DIRECTORY)).exitCode, 65);
  assert.ok(await world.pings('10.231.136.2'));

  await world.remove('incumbent');
  await world.untilReady('a-newcomer');
  assert.deepEqual(await containerUnits(), ['a-newcomer']);
  assert.ok(await world.pings('a-newcomer.containers'));
});

test('two containers swap their addresses in one commit, live', async () => {
  const link = (last: number) =>
    sleeper({ privateNetwork: true, hostAddress: '10.231.136.1', localAddress: `10.231.136.${last}` });
  await Promise.all([world.drop('left-hand', link(11)), world.drop('right-hand', link(12))]);
  await world.untilReady('left-hand', 'right-hand');
  const runs = await Promise.all(['left-hand', 'right-hand'].map(name => world.invocation(name)));

  await Promise.all([world.drop('left-hand', link(12)), world.drop('right-hand', link(11))]);
  await eventually(
    async () => {
      assert.match(await addressesIn('left-hand'), /10\.231\.136\.12\b/);
      assert.match(await addressesIn('right-hand'), /10\.231\.136\.11\b/);
      return true;
    },
    { timeoutMs: 60_000, describe: 'the addresses to be swapped' },
  );
  assert.doesNotMatch(await addressesIn('left-hand'), /10\.231\.136\.11\b/);
  await Promise.all(
    ['left-hand', 'right-hand'].map(name => world.until(name, 'ManifestValid', 'True', 'Accepted')),
  );
  await world.untilReady('left-hand', 'right-hand');
  assert.ok((await world.pings('10.231.136.11')) && (await world.pings('10.231.136.12')));
  await eventually(async () => {
    const hosts = await world.host.readFile('/etc/hosts');
    return /^10\.231\.136\.12 left-hand\.containers$/m.test(hosts);
  });
  assert.deepEqual(await Promise.all(['left-hand', 'right-hand'].map(name => world.invocation(name))), runs);
});

test('a name that systemd, DNS or this host has other uses for is refused, each with its reason', async () => {
  const names = [
    { file: 'underscore', name: 'web_1', says: /not a container name .*: "web_1"/, isOffline: true },
    { file: 'upper', name: 'Web', says: /not a container name .*: "Web"/, isOffline: true },
    { file: 'dotted', name: 'web.example', says: /not a container name/, isOffline: true },
    { file: 'long', name: 'x'.repeat(64), says: /at most 63 characters/, isOffline: true },
    { file: 'dashed', name: '-web', says: /not a container name/, isOffline: true },
    { file: 'local', name: 'localhost', says: /every host's name for itself/, isOffline: true },
    { file: 'domain', name: 'org', says: /"org" is a top-level domain/, isOffline: true },
    { file: 'host', name: world.host.name, says: /this host's own name/, isOffline: false },
  ];
  await Promise.all(
    names.map(({ file, name }) =>
      world.host.writeManifest(`${file}.yaml`, manifestText(`"${name}"`, sleeper())),
    ),
  );
  for (const { file, says } of names) {
    const problem = await untilProblem(new RegExp(`/${file}\\.yaml:4:9: metadata\\.name: `));
    assert.match(problem, says);
  }
  await world.until(world.host.name, 'ManifestValid', 'False', 'Invalid');
  await Promise.all(
    names.map(async ({ file, says, isOffline }) => {
      if (!isOffline) return;
      const validated = await world.ctl('validate', `${DIRECTORY}/${file}.yaml`);
      assert.equal(validated.exitCode, 65);
      assert.match(validated.stdout, says);
    }),
  );
  await world.drop('proper', sleeper());
  await world.untilReady('proper');
  assert.deepEqual(await containerUnits(), ['proper']);

  // While other files name nobody, nothing is deleted; but here is nothing to delete.
  await world.host.removeManifest('local.yaml');
  await world.untilGone('localhost');
  assert.equal((await world.ctl('get', 'localhost')).exitCode, 66);
});

test('the same name in two files stays with the file that had it; when that goes, the other takes it over', async () => {
  await world.drop('twin', sleeper({ environment: { FROM: 'first' } }));
  await world.untilReady('twin');
  const run = await world.invocation('twin');

  const other = manifestText('twin', sleeper({ environment: { FROM: 'second' } }));
  await world.host.writeManifest('a-twin.yaml', other);
  const told = await world.until('twin', 'ManifestValid', 'False', 'Invalid');
  assert.match(
    told.message,
    /\/a-twin\.yaml:4:9: metadata\.name: "twin" is also declared at \/etc\/nspawnd\/manifests\/twin\.yaml:1, which keeps the name/,
  );
  assert.equal((await world.ctl('validate', DIRECTORY)).exitCode, 65);
  assert.equal((await world.condition('twin', 'Ready'))?.status, 'True');
  assert.equal(await world.invocation('twin'), run);
  assert.equal(await environmentOf('twin', 'FROM'), 'first');

  await world.host.removeManifest('twin.yaml');
  await eventually(async () => (await environmentOf('twin', 'FROM')) === 'second', {
    timeoutMs: 60_000,
    describe: 'the other file to be in force',
  });
  await world.until('twin', 'ManifestValid', 'True', 'Accepted');
  await world.untilReady('twin');
});

test('a manifest that turns bad while its container runs harms it in no way: not then, not after a restart of nspawnd, not after a crash', async () => {
  const broken = {
    misspelt: manifestText('misspelt', sleeper({ rooot: '/nowhere' })),
    scribbled: '}{ this was a manifest',
    emptied: '',
    nameless: manifestText('"Nameless!"', sleeper()),
  };
  const names = Object.keys(broken);
  await Promise.all(names.map(name => world.drop(name, sleeper())));
  await world.untilReady(...names);
  const runs = await Promise.all(names.map(name => world.invocation(name)));

  await Promise.all(
    Object.entries(broken).map(([name, text]) => world.host.writeManifest(`${name}.yaml`, text)),
  );
  const areKept = async () => {
    for (const name of names) {
      const isValid = await world.until(name, 'ManifestValid', 'False', 'Invalid');
      assert.match(isValid.message, /^the last good version stays in force:/);
      assert.match(isValid.message, new RegExp(`/${name}\\.yaml:\\d+:\\d+: `));
    }
    await world.untilReady(...names);
  };
  await areKept();
  assert.equal((await world.ctl('get')).exitCode, 0);
  const described = await world.ctl('describe', 'misspelt');
  assert.equal(described.exitCode, 0);
  assert.match(described.stdout, /spec\.rooot: unknown field; did you mean "root"\?/);

  await world.sh('systemctl', 'restart', 'nspawnd');
  await areKept();
  assert.deepEqual(await Promise.all(names.map(name => world.invocation(name))), runs);

  const pids = await Promise.all(names.map(name => world.mainPid(name)));
  await world.sh('kill', '-KILL', ...pids.map(String));
  await Promise.all(
    names.map((name, index) =>
      eventually(
        async () => {
          const run = await world.invocation(name);
          assert.ok(run !== '' && run !== runs[index] && (await world.mainPid(name)) > 0, run);
          return true;
        },
        { timeoutMs: 60_000, describe: `${name} to run again` },
      ),
    ),
  );
  await areKept();
});

test('touching, commenting, re-ordering, renaming and re-writing a manifest as JSON restarts nothing', async () => {
  const text = manifestText('still', sleeper({ environment: { A: '1', B: '2' } }));
  await world.host.writeManifest('still.yaml', text);
  await world.untilReady('still');
  const run = await world.invocation('still');
  /** Where the manifest stands tells that this very text was taken in. */
  const takenInFrom = async (place: string) => {
    await eventually(
      async () => {
        const container = await world.get('still');
        assert.equal(container?.metadata.annotations?.[MANIFEST_ANNOTATION], `${DIRECTORY}/${place}`);
        return true;
      },
      { timeoutMs: 60_000, describe: `the manifest to be taken in from ${place}` },
    );
    await world.untilReady('still');
    assert.equal(await world.invocation('still'), run);
    assert.equal((await world.get('still'))?.metadata.generation, 1);
  };

  await world.sh('touch', `${DIRECTORY}/still.yaml`);
  await world.host.writeManifest('still.yaml', `# A comment.\n${text}`);
  await takenInFrom('still.yaml:2');

  const reordered = [
    '# Two',
    '# comments.',
    'spec:',
    '  environment: {B: "2", A: "1"} # as before',
    '  command: [/bin/sleep, infinity]',
    '  volatile: overlay',
    '  root: /var/lib/machines/base',
    'metadata: {name: still}',
    'kind: Container',
    'apiVersion: nspawnd.io/v1alpha1',
    '',
  ].join('\n');
  await world.host.writeManifest('still.yaml', reordered);
  await takenInFrom('still.yaml:3');

  await world.host.mv(`${DIRECTORY}/still.yaml`, `${DIRECTORY}/other-name.yml`);
  await takenInFrom('other-name.yml:3');

  await world.host.writeManifest('other-name.yml', `# One more.\n${reordered}`, { inPlace: true });
  await takenInFrom('other-name.yml:4');

  const json = {
    kind: 'Container',
    apiVersion: 'nspawnd.io/v1alpha1',
    metadata: { name: 'still' },
    spec: sleeper({ environment: { B: '2', A: '1' } }),
  };
  await world.host.mv(`${DIRECTORY}/other-name.yml`, `${DIRECTORY}/still.json`);
  await world.host.writeManifest('still.json', JSON.stringify(json, null, 2));
  await takenInFrom('still.json:1');

  await world.sh('systemctl', 'restart', 'nspawnd');
  await takenInFrom('still.json:1');
  assert.deepEqual(await runsOf('still'), [run]);
});

/** The pause of a writer. */
const A_SECOND_MS = 1000;
/** nspawnd takes a file that was written in place when nothing was added for 1.5 s. */
const AT_MOST_MS = 1400;
const ATTEMPTS = 5;

/**
 * Writes with a pause of about a second, and returns what the writer returns. On a machine so busy that the second became
 * much longer, a cut file would be taken for whole, and rightly: that attempt says nothing, and another one is made.
 */
async function patiently<T>(
  write: (attempt: number) => Promise<T>,
  undo: (value: T) => Promise<void> = async () => undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const begin = performance.now();
    const value = await write(attempt);
    const tookMs = performance.now() - begin;
    if (tookMs < AT_MOST_MS) return value;
    assert.ok(attempt < ATTEMPTS, `a pause of a second took ${tookMs} ms, ${attempt} times`);
    await undo(value);
  }
}

/** Writes a file up to a line and keeps it open. Returns what completes it. */
function beginOpen(fileName: string, text: string, lines: number): () => void {
  const [first, rest] = cutAfter(text, lines);
  const file = openSync(fileAt(fileName), 'w');
  writeSync(file, first);
  return () => {
    writeSync(file, rest);
    closeSync(file);
  };
}

/** The same in two goes, with the file closed in between. */
function beginClosed(fileName: string, text: string, lines: number): () => void {
  const [first, rest] = cutAfter(text, lines);
  writeFileSync(fileAt(fileName), first);
  return () => appendFileSync(fileAt(fileName), rest);
}

/** The final newline of the first part is still to come, as when a write ended in the middle. */
function cutAfter(text: string, count: number): readonly [string, string] {
  const lines = text.split('\n');
  return [lines.slice(0, count).join('\n'), `\n${lines.slice(count).join('\n')}`];
}

function fileAt(name: string): string {
  return world.host.path(`${DIRECTORY}/${name}`);
}

/** A manifest on many lines; cut off after `root` or any later one it is a valid manifest of something else. */
function writtenOut(name: string, more: readonly string[] = [], last = 'line'): string {
  return [
    'apiVersion: nspawnd.io/v1alpha1',
    'kind: Container',
    'metadata:',
    `  name: ${name}`,
    'spec:',
    '  root: /var/lib/machines/base',
    '  volatile: overlay',
    '  command: [/bin/sleep, infinity]',
    ...more.map(line => `  ${line}`),
    '  environment:',
    '    FIRST: line',
    `    LAST: ${last}`,
    '',
  ].join('\n');
}

function untilProblem(pattern: RegExp): Promise<string> {
  return eventually(
    async () => {
      const problems = (await world.source()).problems.map(formatProblem);
      const found = problems.find(problem => pattern.test(problem));
      assert.ok(found !== undefined, problems.join('\n'));
      return found;
    },
    { timeoutMs: 60_000, describe: `a problem like ${pattern}` },
  );
}

async function untilNoProblems(): Promise<void> {
  await eventually(async () => (await world.source()).problems.length === 0, {
    timeoutMs: 60_000,
    describe: 'no problem in any file',
  });
}

/** Names with a loaded unit, whatever its state. */
async function containerUnits(): Promise<readonly string[]> {
  const units = await world.sh('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'container@*');
  return [...units.matchAll(/^container@(\S+)\.service/gm)].map(match => match[1] ?? '').sort();
}

/** Every run systemd has started of a unit, the first one first, from its journal. */
async function runsOf(name: string): Promise<readonly string[]> {
  await world.sh('journalctl', '--sync');
  const journal = await world.sh(
    'journalctl',
    '-b',
    '-o',
    'json',
    '--output-fields=INVOCATION_ID',
    '_PID=1',
    `UNIT=container@${name}.service`,
  );
  const ids = journal
    .split('\n')
    .filter(line => line !== '')
    .map(line => (JSON.parse(line) as { INVOCATION_ID?: string }).INVOCATION_ID)
    .filter(id => id !== undefined);
  return [...new Set(ids)];
}

/** A variable of the running nspawn's own argv, which is what the guest got; empty while none runs. */
async function environmentOf(name: string, variable: string): Promise<string> {
  const pid = await world.mainPid(name);
  if (pid === 0) return '';
  const argv = (await readFile(world.host.path(`/proc/${pid}/cmdline`), 'utf8')).split('\0');
  const option = `--setenv=${variable}=`;
  return argv.find(argument => argument.startsWith(option))?.slice(option.length) ?? '';
}

function addressesIn(name: string): Promise<string> {
  return world.sh('ip', '-n', name, '-brief', 'address');
}
