import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { Tmux } from './tmux.ts';
import { guest, useWorld } from './world.ts';

/** What guests said: their consoles, their own journals, and nspawnd of them. */
const world = useWorld();

const FOR_A_MINUTE = { timeoutMs: 60_000, everyMs: 100 };

/** A guest that says these words on its console and stays. */
function saying(script: string): Readonly<Record<string, unknown>> {
  return guest({ command: ['/bin/sh', '-c', `${script}; exec sleep infinity`] });
}

/** Until the journal has what was said: it comes a moment later. */
async function untilSaid(words: RegExp, ...args: readonly string[]): Promise<string> {
  return eventually(
    async () => {
      const { stdout, stderr } = await world.ctl('logs', ...args);
      assert.match(stdout, words, stderr);
      return stdout;
    },
    { ...FOR_A_MINUTE, describe: `logs ${args.join(' ')} to have ${words}` },
  );
}

async function logger(name: string, words: string): Promise<void> {
  await world.inGuest(name, ['logger', '-t', 'app', words]);
}

test('logs are what the console of this run printed; of the run before with --previous', async () => {
  await world.drop('says', saying('echo hello $(cat /proc/sys/kernel/random/uuid); echo two; echo three'));
  await world.untilReady('says');
  const first = await untilSaid(/three/, 'says');
  assert.match(first, /^hello [0-9a-f-]{36}\ntwo\nthree$/m);
  assert.match(first, /^systemd\[1\]: Started .*says/m);
  const uuid = /hello (\S+)/.exec(first)?.[1] ?? '';
  assert.equal((await world.ctl('logs', '-n', '1', '--grep', 't(wo|hree)', 'says')).stdout, 'three');
  assert.match(
    (await world.ctl('logs', '--timestamps', '--grep', 'two', 'says')).stdout,
    /^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z two$/,
  );
  assert.equal((await world.ctl('logs', '-p', 'says')).exitCode, 1);
  await world.sh('nspawnctl', 'restart', 'says');
  const second = await untilSaid(/three/, 'says');
  assert.ok(!second.includes(uuid), second);
  assert.ok((await untilSaid(/three/, '--previous', 'says')).includes(uuid));
  // Both, with a time.
  const since = await world.ctl('logs', '--since', '1h', 'says');
  assert.equal([...since.stdout.matchAll(/^two$/gm)].length, 2);
  assert.equal((await world.ctl('logs', '--since', 'a while ago', 'says')).exitCode, 2);
});

test('logs have what the journal of the guest says, in the order of time, and no trace of being read', async () => {
  await world.drop('sys', guest());
  await world.untilReady('sys');
  await logger('sys', 'from inside');
  await logger('sys', 'and again');
  const both = await untilSaid(/and again/, 'sys');
  assert.match(both, /^app\[\d+\]: from inside$/m);
  assert.match(both, /^systemd\[1\]: Started container@sys\.service/m);
  assert.ok(both.indexOf('from inside') < both.indexOf('and again'));
  assert.doesNotMatch(both, /nspawnctl-logs/);
  const console_ = await world.ctl('logs', '--console', 'sys');
  assert.doesNotMatch(console_.stdout, /from inside/);
  const own = await world.ctl('logs', '--guest', '-n', '2', '--grep', '^(from inside|and again)$', 'sys');
  assert.match(own.stdout, /^app\[\d+\]: from inside\napp\[\d+\]: and again$/);
  await world.sh('systemctl', 'stop', 'nspawnd');
  assert.match((await world.ctl('logs', 'sys')).stdout, /from inside/);
  await world.sh('systemctl', 'start', 'nspawnd');
});

test('a guest whose journal cannot be had still has a console', async () => {
  await world.drop('sys', guest());
  await world.untilReady('sys');
  await world.amongGuest('sys', ['systemctl', 'stop', 'dbus.socket', 'dbus.service']);
  const { stdout, stderr, exitCode } = await world.ctl('logs', 'sys');
  assert.match(stdout, /^systemd\[1\]: Started container@sys/m);
  assert.match(stderr, /without the journal of sys itself/);
  assert.equal(exitCode, 0);
  await world.drop('plain', saying('echo x'));
  await world.untilReady('plain');
  const plain = await world.ctl('logs', '--guest', 'plain');
  assert.equal(plain.exitCode, 1);
  assert.match(plain.stderr, /has no journal.*\n.*nspawnctl logs --console plain/);
});

test('logs -f goes on across restarts of the guest, of its own journal too, and leaves nothing behind', async () => {
  await world.drop('sys', guest());
  await world.untilReady('sys');
  const following = world.host.spawn(['nspawnctl', 'logs', '-f', 'sys'], { reject: false, stdin: 'ignore' });
  let out = '';
  following.stdout?.on('data', chunk => {
    out += chunk;
  });
  const until = (words: RegExp) =>
    eventually(() => words.test(out), { ...FOR_A_MINUTE, describe: `${words} to come` });
  await until(/Started container@sys/);
  await eventually(
    async () => {
      await logger('sys', 'first run');
      return out.includes('first run');
    },
    { ...FOR_A_MINUTE, describe: 'the journal to be followed' },
  );
  await world.sh('nspawnctl', 'restart', 'sys');
  await until(/Stopped container@sys[\s\S]*Started container@sys/);
  await logger('sys', 'second run');
  await until(/app\[\d+\]: second run/);
  assert.equal([...out.matchAll(/^app.*second run$/gm)].length, 1);
  await world.sh('pkill', '-INT', '-f', '^[^ ]*node [^ ]*nspawnctl(.mjs)? logs -f sys');
  await following;
  await eventually(async () => (await world.exits('pgrep', '-f', 'journalctl.*--follow')) !== 0, {
    ...FOR_A_MINUTE,
    describe: 'no journalctl to be left',
  });
});

test('logs --controller is what nspawnd says of this container, for people', async () => {
  await world.drop('first', saying('true'));
  await world.drop('second', saying('true'));
  await world.untilReady('first', 'second');
  const said = await untilSaid(/container is ready/, '--controller', 'first');
  assert.match(said, /^info {2}container is ready .*reason=Ready/m);
  assert.doesNotMatch(said, /second|reconcileId|[{}]/);
});

test('what was removed can still be read, and what never was is said', async () => {
  await world.drop('gone', saying('echo last words'));
  await world.untilReady('gone');
  await untilSaid(/last words/, 'gone');
  await world.remove('gone');
  await world.untilGone('gone');
  assert.match((await world.ctl('logs', 'gone')).stdout, /^last words$/m);
  const never = await world.ctl('logs', 'never');
  assert.equal(never.exitCode, 66);
  assert.match(never.stderr, /no container "never"/);
});

test('who may read the journal sees the console; who may not is told what to do', async () => {
  await world.drop('says', saying('echo hello'));
  await world.untilReady('says');
  await untilSaid(/hello/, 'says');
  const as = (...groups: readonly string[]) =>
    world.host.exec(['setpriv', '--reuid=65534', '--regid=65534', ...groups, 'nspawnctl', 'logs', 'says'], {
      reject: false,
    });
  const nobody = await as('--clear-groups');
  assert.equal(nobody.exitCode, 77, nobody.stderr);
  assert.match(nobody.stderr, /not permitted to read the journal\n.*sudo\n.*systemd-journal/);
  const member = await as('--groups=systemd-journal');
  assert.equal(member.exitCode, 0, member.stderr);
  assert.match(member.stdout, /^hello$/m);
});

describe('in a terminal', () => {
  let terminal: Tmux;
  before(async () => {
    terminal = await Tmux.open(world, 'logs');
  });
  after(() => terminal.close());

  test('a guest moves no cursor; in a pipe it is as the guest wrote it; and Ctrl-C ends it', async () => {
    await world.drop('says', saying("printf 'a\\033[2Jb\\033]0;title\\007c \\033[32mgreen\\033[0m\\n'"));
    await world.untilReady('says');
    const raw = await untilSaid(/green/, 'says');
    assert.ok(raw.includes('a\u001b[2Jb\u001b]0;title\u0007c \u001b[32mgreen\u001b[0m'), JSON.stringify(raw));
    await terminal.type('nspawnctl logs -f says');
    await terminal.until(/a\\x1b\[2Jb\\x1b\]0;title\\x07c green$/m);
    await terminal.press('C-c');
    await terminal.until(/HOST>$/);
    await terminal.type('echo status=$?');
    await terminal.until(/^status=130$/m);
  });
});
