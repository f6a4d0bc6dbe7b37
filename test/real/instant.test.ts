import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { setOptions } from '../testbed/options.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

/** The command as installed, which mostly starts no program: nobody may notice but by the time it takes. */
const world = useWorld({}, ({ host }) => setOptions(host, ['--read-group', 'games']));

const PROGRAM = '/usr/lib/nspawnd/nspawnctl.mjs';
const AWAY = '/usr/lib/nspawnd/away.mjs';

const MEMBER = ['setpriv', '--reuid=65534', '--regid=65534', '--groups=games'];
const STRANGER = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

/** What this command says when it is given these words, on every channel. */
async function said(
  argv: readonly string[],
): Promise<{ code: number | undefined; out: string; err: string }> {
  const { exitCode, stdout, stderr } = await world.host.exec(argv, { reject: false });
  return { code: exitCode, out: stdout.replace(AGE, ' AGE '), err: stderr };
}

/** What passes between two questions is more than an age stands for on a busy host. */
const AGE = / (?:AGE|\d+[smhd](?:\d+[smhd])?) +/g;

/** As installed, and the program alone: the same. What happens meanwhile may differ once. */
async function isSame(as: readonly string[], command: string): Promise<Awaited<ReturnType<typeof said>>> {
  const argv = (program: string) => [...as, 'sh', '-c', command.replaceAll('nspawnctl', program)];
  return eventually(
    async () => {
      const installed = await said(argv('/usr/bin/nspawnctl'));
      assert.deepEqual(installed, await said(argv(PROGRAM)), command);
      return installed;
    },
    { timeoutMs: 60_000, describe: `${command} to say what the program says` },
  );
}

/** Whether the answer needs no program: there is none meanwhile. */
async function withoutProgram(act: () => Promise<void>): Promise<void> {
  await world.sh('mv', PROGRAM, AWAY);
  try {
    await act();
  } finally {
    await world.sh('mv', AWAY, PROGRAM);
  }
}

async function fill(): Promise<void> {
  const address = (number: number) => ({ hostAddress: '10.91.0.1', localAddress: `10.91.0.${number}` });
  await world.drop(
    'web',
    sleeper({ privateNetwork: true, ...address(2), localAddress6: 'fd91::2', hostAddress6: 'fd91::1' }),
  );
  await world.drop('idle', sleeper({ autoStart: false }));
  await world.drop('lost', sleeper({ root: '/var/lib/machines/nowhere' }));
  await world.drop('kept', sleeper());
  // Everybody sees where a manifest stands, also one whose file is named by somebody with other plans.
  await world.host.writeManifest(
    'x\u001b]0;owned\u0007\u009b31m\u202e.yaml',
    manifestText('hostile', sleeper()),
  );
  await world.host.writeManifest('broken.yaml', 'spec: {');
  await world.untilReady('web', 'kept', 'hostile');
  await world.until('idle', 'Ready', 'False');
  await world.until('lost', 'Stalled', 'True');
  assert.equal(await world.exits('nspawnctl', 'suspend', 'kept'), 0);
}

test('as installed, get says what the program says, to whoever asks', async () => {
  await fill();
  for (const command of [
    'nspawnctl get web idle lost kept hostile',
    'nspawnctl get containers web',
    'nspawnctl get -o wide web idle lost kept hostile',
    'nspawnctl get -o name',
    'nspawnctl __complete -- stop we',
    'nspawnctl __complete -- exec ""',
  ]) {
    for (const as of [[], MEMBER]) {
      const { code, out } = await isSame(as, command);
      assert.equal(code, 0);
      assert.ok(!/[\u009b\u202e]/.test(out) && !out.includes('\u001b'), 'nothing moves the terminal');
    }
  }
  const { out, err } = await isSame([], 'nspawnctl get');
  assert.match(out, /^kept +\S+ +Running,Suspended /m);
  assert.match(err, /1 file has problems/);
  for (const [setting, isPainted] of [
    ['env TERM=xterm', true],
    ['env TERM=xterm NO_COLOR=1', false],
    ['env TERM=dumb', false],
    ['env TERM=xterm LC_ALL=xx_YY.UTF-8', true],
  ] as const) {
    const inTerminal = `${setting} script -qec 'nspawnctl get web idle lost kept' /dev/null`;
    const screen = await isSame([], inTerminal);
    assert.equal(screen.out.includes('\u001b['), isPainted, setting);
  }

  await withoutProgram(async () => {
    for (const as of [[], MEMBER])
      for (const words of [['get'], ['get', 'web', '-o', 'wide'], ['__complete', '--', 'get', 'w']])
        assert.equal((await said([...as, 'nspawnctl', ...words])).code, 0, words.join(' '));
    assert.notEqual((await said(['nspawnctl', 'list'])).code, 0, 'there is no program');
  });

  // Where there is no Perl, everything is the program's.
  await world.sh('mount', '--bind', '/dev/null', '/usr/bin/perl');
  try {
    await isSame([], 'nspawnctl get web idle');
  } finally {
    await world.sh('umount', '--lazy', '/usr/bin/perl');
  }
  assert.equal(await world.exits('nspawnctl', 'resume', 'kept'), 0);
});

test('what goes wrong is told by the program: no such name, not permitted, no daemon, no answer', async () => {
  await world.drop('web', sleeper());
  await world.untilReady('web');
  assert.equal((await isSame([], 'nspawnctl get wbe web')).code, 66);
  assert.equal((await isSame(STRANGER, 'nspawnctl get')).code, 77);
  assert.equal((await isSame([], 'nspawnctl get web >/dev/full')).code, 70);

  const pid = await world.sh('systemctl', 'show', '--value', '-p', 'MainPID', 'nspawnd');
  await world.sh('kill', '-STOP', pid);
  try {
    const { code, err } = await said(['nspawnctl', 'get']);
    assert.equal(code, 69);
    assert.match(err, /did not answer on \/run\/nspawnd\/nspawnd\.sock within 10s/);
  } finally {
    await world.sh('kill', '-CONT', pid);
  }

  await world.sh('systemctl', 'stop', 'nspawnd');
  try {
    const { code, err } = await isSame([], 'nspawnctl get');
    assert.equal(code, 69);
    assert.match(err, /nspawnd is not running/);
    assert.equal((await isSame(MEMBER, 'nspawnctl get')).code, 69);
    assert.equal((await isSame([], 'nspawnctl __complete -- get ""')).code, 0);
  } finally {
    await world.sh('systemctl', 'start', 'nspawnd');
  }
  // A daemon that is just starting is waited for.
  assert.equal((await said(['nspawnctl', 'get', 'web'])).code, 0);
});
