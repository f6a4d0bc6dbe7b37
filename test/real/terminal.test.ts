import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { assertAllForbidden, MAKE_FORBIDDEN_CALLS } from './forbidden-calls.ts';
import { Tmux } from './tmux.ts';
import { guest, sleeper, useWorld } from './world.ts';

/** run, login and root-login, in pipes and in a real terminal, in guests with and without systemd. */
const world = useWorld();

const KINDS = {
  systemd: guest(),
  plain: sleeper({ extraFlags: ['--no-new-privileges=yes'] }),
} as const;
type Kind = keyof typeof KINDS;
const both = Object.keys(KINDS) as readonly Kind[];

/** Both guests stay for all tests of a group: what they run leaves nothing in them. */
async function dropBoth(): Promise<void> {
  for (const kind of both) await world.drop(kind, KINDS[kind]);
  await world.untilReady(...both);
}

test('run passes input, output, errors and the exit status through', async () => {
  await dropBoth();
  for (const name of both) {
    const script = 'cat; printf "[%s]" "$@"; echo err >&2; exit 7';
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    const words = ['', 'a  b', '%n ${HOME} $HOME $$ "q" \\n'];
    const ran = await world.host.exec(['nspawnctl', 'run', name, '--', 'sh', '-c', script, 'sh', ...words], {
      input: 'in',
      reject: false,
    });
    assert.deepEqual(
      [ran.stdout, ran.stderr, ran.exitCode],
      [`in[${words[0]}][${words[1]}][${words[2]}]`, 'err', 7],
      name,
    );
    for (const [command, expected] of [
      [['true'], 0],
      [['false'], 1],
      [['sh', '-c', 'kill -TERM $$'], 143],
      [['sh', '-c', 'kill -KILL $$'], 137],
      [['sh', '-c', 'exit 255'], 255],
      [['/nowhere'], 127],
      [['/etc/passwd'], 126],
    ] as const)
      assert.equal(
        await world.exits('nspawnctl', 'run', name, '--', ...command),
        expected,
        `${name} ${command}`,
      );
  }
});

test('run passes megabytes through in both directions, byte by byte', async () => {
  await dropBoth();
  await world.sh('sh', '-c', 'head -c 8000000 /dev/urandom > /root/big');
  for (const name of both)
    await world.sh('sh', '-c', `nspawnctl run ${name} -- cat < /root/big | cmp - /root/big`);
  await world.host.rm('/root/big');
});

test('run is in the environment of a login, and in root’s home', async () => {
  await dropBoth();
  for (const name of both) {
    const { stdout } = await world.host.exec(['nspawnctl', 'run', name, '--', 'env'], {
      env: { SECRET_OF_THE_HOST: 'x', TERM: 'xterm' },
    });
    assert.match(stdout, /^HOME=\/root$/m);
    assert.match(stdout, /^USER=root$/m);
    assert.match(stdout, /^PATH=\/usr\/local\/sbin:\/usr\/local\/bin:\/usr\/sbin:\/usr\/bin/m);
    assert.doesNotMatch(stdout, /SECRET/);
  }
});

test('a signal to run is one to the command, which answers as it likes', async () => {
  await dropBoth();
  const script = 'trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.1; done';
  for (const name of both) {
    const running = world.host.spawn(['nspawnctl', 'run', name, '--', 'sh', '-c', script], {
      reject: false,
      stdin: 'ignore',
    });
    let out = '';
    running.stdout?.on('data', chunk => {
      out += chunk;
    });
    await eventually(() => out.includes('ready'), { timeoutMs: 60_000, describe: 'the command to run' });
    await world.sh('pkill', '-TERM', '-f', `nspawnctl(.mjs)? run ${name} --`);
    const { exitCode, stdout } = await running;
    assert.deepEqual([exitCode, String(stdout)], [3, 'ready\ngot'], name);
  }
});

/** The lines of proc_pid_status(5) that say what a process may at most. */
const BOUNDS = '^(CapBnd|NoNewPrivs):';

test('whoever enters a guest by its namespaces may do what the guest may, and never holds up its end', async () => {
  await dropBoth();
  for (const name of both) {
    const argv = [
      'nspawnctl',
      'run',
      '--enter',
      name,
      '--',
      'sh',
      '-c',
      `grep -E '${BOUNDS}' /proc/self/status; hostname; ${MAKE_FORBIDDEN_CALLS}`,
    ];
    const leader = await world.leader(name);
    const bounds = await world.sh('grep', '-E', BOUNDS, `/proc/${leader}/status`);
    const { stdout } = await world.host.exec(argv);
    assert.ok(stdout.startsWith(`${bounds}\n${name}\n`), stdout);
    assertAllForbidden(stdout);
    const running = world.host.spawn(['nspawnctl', 'run', '--enter', name, '--', 'sleep', '1000'], {
      reject: false,
      stdin: 'ignore',
    });
    await eventually(
      async () =>
        (await world.exits('pgrep', '-x', 'sleep')) === 0 &&
        (await world.sh('pgrep', '-fx', 'sleep 1000')) !== '',
      {
        timeoutMs: 60_000,
        describe: 'somebody to be in it',
      },
    );
    assert.equal(await world.exits('nspawnctl', 'stop', '--timeout', '60s', name), 0);
    assert.notEqual((await running).exitCode, 0);
  }
});

test('without nspawnd they still work, and what does not run is said', async () => {
  await dropBoth();
  await world.sh('nspawnctl', 'stop', 'plain');
  const down = await world.ctl('run', 'plain', '--', 'true');
  assert.equal(down.exitCode, 1);
  assert.match(down.stderr, /plain is not running\n.*nspawnctl start plain/);
  const missing = await world.ctl('run', 'plian', '--', 'true');
  assert.equal(missing.exitCode, 66);
  assert.match(missing.stderr, /did you mean plain/);
  await world.sh('nspawnctl', 'start', 'plain');
  await world.sh('systemctl', 'stop', 'nspawnd');
  for (const name of both) assert.equal((await world.ctl('run', name, '--', 'hostname')).stdout, name);
  assert.equal((await world.ctl('run', 'nobody', '--', 'true')).exitCode, 1);
  await world.sh('systemctl', 'start', 'nspawnd');
});

test('a guest whose systemd does not answer can be entered', async () => {
  await world.drop('systemd', KINDS.systemd);
  await world.untilReady('systemd');
  await world.amongGuest('systemd', ['systemctl', 'stop', 'dbus.socket', 'dbus.service']);
  const ran = await world.ctl('run', 'systemd', '--', 'true');
  assert.notEqual(ran.exitCode, 0);
  assert.match(ran.stderr, /nspawnctl root-login --enter systemd/);
  assert.equal((await world.ctl('run', '--enter', 'systemd', '--', 'hostname')).stdout, 'systemd');
});

test('only root may enter', async () => {
  await world.drop('plain', KINDS.plain);
  await world.untilReady('plain');
  for (const command of [
    ['run', 'plain', '--', 'true'],
    ['root-login', 'plain'],
    ['login', 'plain'],
  ]) {
    const argv = ['setpriv', '--reuid=65534', '--clear-groups', 'nspawnctl', ...command];
    assert.equal(await world.exits(...argv), 77, command.join(' '));
  }
});

describe('in a terminal', () => {
  let terminal: Tmux;
  before(async () => {
    terminal = await Tmux.open(world, 'verbs');
  });
  after(() => terminal.close());

  test('root-login is a shell with the size of the window, Ctrl-C for its command, and its exit status', async () => {
    await dropBoth();
    for (const name of both) {
      await terminal.clear();
      await terminal.type(`nspawnctl root-login ${name}`);
      await terminal.until(new RegExp(`root@${name}:~#$`));
      await terminal.type('stty size');
      await terminal.until(/^30 100$/m);
      await terminal.resize(120, 40);
      await terminal.type('stty size');
      await terminal.until(/^40 120$/m);
      await terminal.type('sleep 1000');
      await terminal.until(/sleep 1000$/);
      await terminal.press('C-c');
      await terminal.until(/\^C\s+root@.*#$/);
      await terminal.type('echo status=$?');
      await terminal.until(/^status=130$/m);
      await terminal.type('exit 6');
      await terminal.until(/HOST>$/);
      await terminal.type('echo ended=$?; stty -a');
      await terminal.until(/^ended=6$/m);
      // The terminal is as it was.
      await terminal.until(/ icanon .*\n?.* echo /);
      await terminal.resize(100, 30);
    }
  });

  test('run has a terminal, and Ctrl-C interrupts the command and nothing else', async () => {
    await dropBoth();
    for (const name of both) {
      await terminal.clear();
      await terminal.type(
        `nspawnctl run ${name} -- sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size; exit 4'`,
      );
      await terminal.until(/^30 100$/m);
      await terminal.until(/HOST>$/);
      await terminal.type('echo ended=$?');
      await terminal.until(/^ended=4$/m);
      await terminal.type(`nspawnctl run ${name} -- sh -c 'echo now; sleep 1000'`);
      await terminal.until(/^now$/m);
      await terminal.press('C-c');
      await terminal.until(/\^C\s*HOST>$/);
      await terminal.type('echo then=$?');
      await terminal.until(/^then=130$/m);
      await terminal.type(`nspawnctl run ${name} -- cat`);
      await terminal.until(/-- cat$/);
      await eventually(async () => (await world.exits('pgrep', '-fx', 'cat')) === 0, {
        timeoutMs: 60_000,
        describe: 'cat to run',
      });
      await terminal.type('echoed twice');
      await terminal.until(/^echoed twice\s+echoed twice$/m);
      await terminal.press('C-d');
      await terminal.until(/HOST>$/);
    }
  });

  test('a terminal in a guest is one of its own, and holds no mount of the host', async () => {
    await world.drop('systemd', KINDS.systemd);
    await world.untilReady('systemd');
    await terminal.clear();
    await world.sh('mount', '-t', 'tmpfs', 'of-the-host', '/mnt');
    await terminal.type("nspawnctl run systemd -- sh -c 'tty; ls /dev/pts; cat'");
    const [, number] = await terminal.until(/^\/dev\/pts\/(\d+)$/m);
    await terminal.until(new RegExp(`^.*\\b${number}\\b.*ptmx$`, 'm'));
    await world.sh('umount', '/mnt');
    const holding = () => world.exits('sh', '-c', 'grep -s of-the-host /proc/[0-9]*/mountinfo');
    await eventually(async () => (await holding()) !== 0, { describe: 'nobody to have it mounted' });
    await terminal.press('C-d');
    await terminal.until(/HOST>$/);
  });

  test('with only one end at the terminal there is none in the guest, and none of ours gets there', async () => {
    await dropBoth();
    for (const name of both) {
      await terminal.clear();
      const look = 'for fd in 0 1 2; do test -t $fd && echo tty$fd; done; cat; exit 5';
      await terminal.type(`echo piped | nspawnctl run ${name} -- sh -c '${look}'; echo ended=$?`);
      await terminal.until(/^piped$/m);
      await terminal.until(/^ended=5$/m);
      assert.doesNotMatch(await terminal.screen(), /^tty/m);
      await terminal.type(`nspawnctl run ${name} -- sh -c 'cat; exit 5' | cat; echo ended=\${PIPESTATUS[0]}`);
      await eventually(async () => (await world.exits('pgrep', '-fx', 'cat')) === 0, {
        timeoutMs: 60_000,
        describe: 'cat to run',
      });
      await terminal.type('typed');
      await terminal.press('C-d');
      await terminal.until(/^typed\s+typed\s+ended=5$/m);
      await terminal.type(`nspawnctl run ${name} -- sleep 1000 | cat; echo then=\${PIPESTATUS[0]}`);
      await eventually(async () => (await world.exits('pgrep', '-fx', 'sleep 1000')) === 0, {
        timeoutMs: 60_000,
        describe: 'sleep to run',
      });
      await terminal.press('C-c');
      await terminal.until(/\^C\s+(HOST>$|then=130)/);
      await eventually(async () => (await world.exits('pgrep', '-fx', 'sleep 1000')) !== 0, {
        timeoutMs: 60_000,
        describe: 'sleep to end',
      });
      await terminal.press('Enter');
    }
  });

  test("login is the guest's own prompt, where it has one", async () => {
    await dropBoth();
    await terminal.clear();
    await terminal.type('nspawnctl login systemd');
    await terminal.until(/systemd login:$/);
    await terminal.press('C-]', 'C-]', 'C-]');
    await terminal.until(/HOST>$/);
    await terminal.type('nspawnctl login plain; echo ended=$?');
    await terminal.until(/plain has no login.*\n.*nspawnctl root-login plain\s+ended=1/);
    const piped = await world.ctl('login', 'systemd');
    assert.equal(piped.exitCode, 2);
    assert.match(piped.stderr, /login needs a terminal/);
  });
});
