import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { Tmux } from './tmux.ts';
import { guest, sleeper, useWorld } from './world.ts';

/** exec and shell, in guests with and without systemd; and what a person leaves behind who is gone in the middle. */
const world = useWorld();

const KINDS = { systemd: guest(), plain: sleeper() } as const;
const both = Object.keys(KINDS) as readonly (keyof typeof KINDS)[];

async function dropBoth(): Promise<void> {
  for (const kind of both) await world.drop(kind, KINDS[kind]);
  await world.untilReady(...both);
}

const FOR_A_MINUTE = { timeoutMs: 60_000, everyMs: 100 };

async function untilRunning(commandLine: string): Promise<void> {
  await eventually(async () => (await world.exits('pgrep', '-fx', commandLine)) === 0, {
    ...FOR_A_MINUTE,
    describe: `${commandLine} to run`,
  });
}

async function untilEnded(commandLine: string): Promise<void> {
  await eventually(async () => (await world.exits('pgrep', '-fx', commandLine)) !== 0, {
    ...FOR_A_MINUTE,
    describe: `${commandLine} to be gone`,
  });
}

test('exec has its input only with -i, and answers with the status of the command', async () => {
  await dropBoth();
  for (const name of both) {
    const script = 'cat; echo err >&2; exit 7';
    const exec = (...options: readonly string[]) =>
      world.host.exec(['nspawnctl', 'exec', ...options, name, '--', 'sh', '-c', script], {
        input: 'in',
        reject: false,
      });
    const without = await exec();
    assert.deepEqual([without.stdout, without.stderr, without.exitCode], ['', 'err', 7], name);
    const withInput = await exec('-i');
    assert.deepEqual([withInput.stdout, withInput.exitCode], ['in', 7], name);
    // As kubectl: no terminal here is said, and no reason not to run it.
    const wished = await exec('-it');
    assert.equal(wished.stdout, 'in');
    assert.match(wished.stderr, /no terminal for the command: input is not one/);
    for (const [command, expected] of [
      [['sh', '-c', 'kill -KILL $$'], 137],
      [['/nowhere'], 127],
    ] as const)
      assert.equal(await world.exits('nspawnctl', 'exec', name, '--', ...command), expected, name);
  }
});

test('exec passes megabytes through in both directions, byte by byte', async () => {
  await dropBoth();
  await world.sh('sh', '-c', 'head -c 8000000 /dev/urandom > /root/big');
  for (const name of both)
    await world.sh('sh', '-c', `nspawnctl exec -i ${name} -- cat < /root/big | cmp - /root/big`);
  await world.host.rm('/root/big');
});

test('exec runs as a user, in a directory and with variables, as it is told', async () => {
  await dropBoth();
  for (const name of both) {
    const exec = (...args: readonly string[]) => world.ctl('exec', ...args);
    const told = await exec(
      '-u',
      'daemon',
      name,
      '--',
      'sh',
      '-c',
      'id -u; id -g; cat /proc/self/status | grep CapEff',
    );
    assert.match(told.stdout, /^1\n1\nCapEff:\s+0+$/, name + told.stderr);
    assert.equal((await exec('-u', '1', name, '--', 'id', '-u')).stdout, '1', name);
    assert.equal((await exec('-w', '/usr/bin', name, '--', 'pwd')).stdout, '/usr/bin', name);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    const value = 'x  y "q" $HOME ${HOME} %n';
    const variable = await exec('-e', `A=${value}`, '--env', 'B=', name, '--', 'sh', '-c', 'echo "[$A][$B]"');
    assert.equal(variable.stdout, `[${value}][]`, name);
    assert.notEqual((await exec('-u', 'nobody-there', name, '--', 'true')).exitCode, 0, name);
    assert.notEqual((await exec('-w', '/nowhere', name, '--', 'true')).exitCode, 0, name);
    assert.equal((await exec('-e', 'A B=1', name, '--', 'true')).exitCode, 2, name);
    assert.equal((await exec('-w', 'usr', name, '--', 'true')).exitCode, 2, name);
    assert.equal((await exec('-u', '-x', name, '--', 'true')).exitCode, 2, name);
  }
});

test('shell runs a line for the shell of a user', async () => {
  await dropBoth();
  for (const name of both) {
    const line = await world.ctl('shell', name, '--', 'echo "$USER:$HOME:$PWD"; exit 5');
    assert.deepEqual([line.stdout, line.exitCode], ['root:/root:/root', 5], name);
    // Its shell is /usr/sbin/nologin.
    const refused = await world.ctl('shell', '-u', 'daemon', name, '--', 'true');
    assert.equal(refused.exitCode, 1, name);
    assert.match(refused.stdout + refused.stderr, /not available/, name);
  }
});

test('a client that is killed leaves no process behind in the guest', async () => {
  await dropBoth();
  const commands = [
    ['exec', 'systemd'],
    ['exec', 'plain'],
    ['exec', '--enter', 'systemd'],
    ['run', 'systemd'],
    ['run', 'plain'],
  ];
  await Promise.all(
    commands.map(async (command, number) => {
      const sleep = `sleep ${77_700 + number}`;
      // One that does not want to go, too.
      const script = `trap "" TERM HUP INT; ${sleep}; ${sleep}`;
      const running = world.host.spawn(['nspawnctl', ...command, '--', 'sh', '-c', script], {
        reject: false,
        stdin: 'ignore',
      });
      await untilRunning(sleep);
      await world.sh('pkill', '-KILL', '-f', `^[^ ]*node [^ ]*nspawnctl(.mjs)? .*${sleep}`);
      await running;
      await untilEnded(sleep);
    }),
  );
  const units = ['list-units', '--plain', '--no-legend', 'nspawnctl-*'];
  await eventually(
    async () =>
      `${await world.sh('systemctl', ...units)}${await world.sh('systemctl', '-M', 'systemd', ...units)}` ===
      '',
    { ...FOR_A_MINUTE, describe: 'no unit to be left' },
  );
});

describe('in a terminal', () => {
  let terminal: Tmux;
  before(async () => {
    terminal = await Tmux.open(world, 'exec');
  });
  after(() => terminal.close());

  test('exec -it is a terminal, of the size of the window, with Ctrl-C for the command', async () => {
    await dropBoth();
    for (const name of both) {
      await terminal.clear();
      await terminal.type(
        `nspawnctl exec -it ${name} -- sh -c 'test -t 0 && stty size; exit 4'; echo ended=$?`,
      );
      await terminal.until(/^30 100$/m);
      await terminal.until(/^ended=4$/m);
      await terminal.type(`nspawnctl exec -it ${name} -- sleep 1000; echo then=$?`);
      await untilRunning('sleep 1000');
      await terminal.press('C-c');
      await terminal.until(/^(?:\^C)?then=130$/m);
      // Without -t it is no terminal, whatever ours is.
      await terminal.type(`nspawnctl exec ${name} -- sh -c 'test -t 1 || echo none'`);
      await terminal.until(/^none$/m);
    }
  });

  test("shell is root's shell, and ends with its status", async () => {
    await dropBoth();
    for (const name of both) {
      await terminal.clear();
      await terminal.type(`nspawnctl shell ${name}`);
      await terminal.until(new RegExp(`root@${name}:~#$`));
      await terminal.type('exit 6');
      await terminal.until(/HOST>$/);
      await terminal.type('echo ended=$?');
      await terminal.until(/^ended=6$/m);
    }
  });

  test('a terminal that is closed leaves no process behind in the guest', async () => {
    await dropBoth();
    for (const [number, name] of both.entries()) {
      const sleep = `sleep ${88_800 + number}`;
      const window = await Tmux.open(world, `closing-${number}`);
      await window.type(`nspawnctl exec -it ${name} -- sh -c 'trap "" HUP; ${sleep}; ${sleep}'`);
      await untilRunning(sleep);
      await window.close();
      await untilEnded(sleep);
    }
  });
});
