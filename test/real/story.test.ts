import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { guest, sleeper, useWorld } from './world.ts';

/** What a person is told of a container that does not run: describe and events, and that the advice is good. */
const world = useWorld();

const FOR_A_MINUTE = { timeoutMs: 60_000, everyMs: 100 };

/** Until describe says so; what it says then. */
async function untilDescribed(name: string, ...words: readonly RegExp[]): Promise<string> {
  return eventually(
    async () => {
      const { stdout } = await world.ctl('describe', name);
      for (const word of words) assert.match(stdout, word);
      return stdout;
    },
    { ...FOR_A_MINUTE, describe: `describe ${name}` },
  );
}

test('the chain ends at the root that is missing, and goes on when the advice is followed', async () => {
  await world.drop('rootless', sleeper({ root: '/var/lib/machines/later' }));
  const said = await untilDescribed(
    'rootless',
    /✗ root {5}RootMissing: \/var\/lib\/machines\/later does not exist/,
  );
  assert.match(said, /✓ manifest \/etc\/nspawnd\/manifests\/rootless\.yaml:1$/m);
  assert.match(said, /^ +what to do: make the directory, or mend spec\.root; then it goes on by itself$/m);
  assert.match(said, /^ {2}· guest$/m);
  await world.host.copyTree('/var/lib/machines/base', '/var/lib/machines/later');
  await world.untilReady('rootless');
  assert.doesNotMatch((await world.ctl('describe', 'rootless')).stdout, /Why not ready/);
  await world.remove('rootless');
  await world.untilGone('rootless');
  await world.host.rm('/var/lib/machines/later');
});

test('a guest that dies again and again is shown with its last words and its next try', async () => {
  const script = "printf 'about to \\033[2Jdie\\n'; sleep 0.2; exit 3";
  await world.drop('dies', guest({ command: ['/bin/sh', '-c', script] }));
  const said = await untilDescribed(
    'dies',
    /✗ unit {5}BackOff: /,
    /it keeps failing: \d+ restarts in ten minutes/,
  );
  assert.match(said, /^ +next try: (?:in \d+s|now) \(/m);
  assert.match(said, /about to/);
  assert.ok(!said.includes('\u001b'));
  assert.match(said, /what to do: see all it said: nspawnctl logs dies; mend it; nspawnctl restart dies/);
  assert.match(said, /✓ root/);
  const events = await world.ctl('events', '--types', 'Warning', 'dies');
  assert.match(events.stdout, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$/m);
  assert.match(events.stdout, /Warning +Failed +container\/dies +/);
  assert.doesNotMatch(events.stdout, /Normal/);
});

test('what was stopped, masked or is in the way is named, and the advice works', async () => {
  await world.drop('sleeps', sleeper());
  await world.untilReady('sleeps');
  await world.sh('nspawnctl', 'stop', 'sleeps');
  const stopped = await untilDescribed('sleeps', /✗ unit {5}Stopped: /);
  assert.match(stopped, /what to do: nspawnctl start sleeps$/m);
  await world.sh('systemctl', 'mask', '--runtime', 'container@masked.service').catch(() => '');
  await world.sh('ln', '-sf', '/dev/null', '/etc/systemd/system/container@masked.service');
  await world.sh('systemctl', 'daemon-reload');
  await world.drop('masked', sleeper());
  const masked = await untilDescribed('masked', /✗ unit {5}UnitShadowed: /);
  assert.match(masked, /what to do: see which it is: systemctl cat container@masked\.service/);
  await world.sh(
    'rm',
    '-f',
    '/etc/systemd/system/container@masked.service',
    '/run/systemd/system/container@masked.service',
  );
  await world.sh('systemctl', 'daemon-reload');
  await world.untilReady('masked');
  await world.sh('nspawnctl', 'start', 'sleeps');
  await world.untilReady('sleeps');
});

test('events -w goes on with what happens, also across a restart of nspawnd', async () => {
  await world.drop('sleeps', sleeper());
  await world.untilReady('sleeps');
  const watching = world.host.spawn(['nspawnctl', 'events', '-w', 'sleeps'], {
    reject: false,
    stdin: 'ignore',
  });
  let out = '';
  watching.stdout?.on('data', chunk => {
    out += chunk;
  });
  const until = (words: RegExp) =>
    eventually(() => words.test(out), { ...FOR_A_MINUTE, describe: `${words} to be told` });
  await until(/Ready +container\/sleeps/);
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.drop('other', sleeper());
  await world.untilReady('other');
  await world.sh('nspawnctl', 'stop', 'sleeps');
  await until(/Stopping +container\/sleeps/);
  assert.doesNotMatch(out, /container\/other/);
  assert.equal([...out.matchAll(/Normal +Ready/g)].length, 1, out);
  await world.sh('pkill', '-INT', '-f', '^[^ ]*node [^ ]*nspawnctl(.mjs)? events -w');
  assert.equal((await watching).signal ?? 'SIGINT', 'SIGINT');
  const all = JSON.parse(await world.sh('nspawnctl', 'events', '-o', 'json'));
  assert.equal(all.kind, 'EventList');
});
