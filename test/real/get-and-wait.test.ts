import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { Tmux } from './tmux.ts';
import { manifestText, sleeper, useWorld } from './world.ts';

/** What people ask of containers that really run, what they wait for, and a daemon that does not answer. */
let terminal: Tmux;
const world = useWorld({}, async booted => {
  terminal = await Tmux.open(booted, 'get');
});

const address = (number: number) => ({
  privateNetwork: true,
  hostAddress: '10.90.0.1',
  localAddress: `10.90.0.${number}`,
});

async function drop(
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: Readonly<Record<string, unknown>>,
): Promise<void> {
  const labelled = `metadata: ${JSON.stringify({ name, labels })}`;
  const text = manifestText(name, spec).replace(/metadata:\n {2}name: .*/, labelled);
  await world.host.writeManifest(`${name}.yaml`, text);
}

async function dropThree(): Promise<void> {
  await drop('web2', { tier: 'front' }, sleeper(address(2)));
  await drop('web10', { tier: 'front', 'app.example/name': 'shop' }, sleeper(address(10)));
  await drop('db', { tier: 'back' }, sleeper({ autoStart: false }));
  await world.untilReady('web2', 'web10');
  await world.until('db', 'Ready', 'False');
}

/** So many are connected to the daemon, as those are who watch. */
async function untilConnected(count: number): Promise<void> {
  await eventually(
    async () => {
      const sockets = (await world.sh('cat', '/proc/net/unix')).split('\n');
      // The sixth column is 03 for a connection, 01 for what listens. (A socket has the name it was bound by.)
      return sockets.filter(line => /^(?:\S+ +){5}03 .*\/run\/nspawnd\//.test(line)).length >= count;
    },
    { timeoutMs: 60_000, describe: `${count} connections` },
  );
}

/** What a command says, which must be well. */
async function says(...args: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await world.ctl(...args);
  assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

test('get answers in every form with what really runs', async () => {
  await dropThree();
  const leader = await world.leader('web2');
  assert.equal(await says('get', 'web2', '-o', 'jsonpath={.status.leader}'), leader);
  assert.equal(
    await says('get', '-o', 'jsonpath={range .items[*]}{.metadata.name}={.status.addresses[0]} {end}'),
    'db= web10=10.90.0.10 web2=10.90.0.2 ',
  );
  assert.equal(
    await says('get', 'containers', '-o', 'jsonpath={.items[?(@.status.phase=="Running")].metadata.name}'),
    'web10 web2',
  );
  const machines = (await world.sh('machinectl', 'list', '--no-legend')).match(/^\S+/gm)?.sort();
  const running = await says('get', '--field-selector', 'status.phase=Running', '-o', 'name');
  assert.deepEqual(
    running.trim().split('\n'),
    machines?.map(name => `container/${name}`),
  );
  assert.equal(await says('get', '-l', 'tier=front,!app.example/name', '-o', 'name'), 'container/web2');
  assert.equal(
    await says(
      'get',
      '--sort-by',
      '.metadata.name',
      '-o',
      'custom-columns=N:.metadata.name,A:.status.addresses[*]',
    ),
    'N       A\ndb      <none>\nweb2    10.90.0.2\nweb10   10.90.0.10',
  );
  const table = await says('get', '-l', 'tier in (front)', '-L', 'tier', '--show-labels', '--no-headers');
  assert.match(
    table,
    /^web10 +True +Running +0 +\S+ +10\.90\.0\.10 +front +tier=front,app\.example\/name=shop$/m,
  );
  const yaml = await says('get', 'web2', '-o', 'yaml');
  assert.match(yaml, /^ {2}name: web2$/m);
  assert.equal(JSON.parse(await says('get', '-o', 'json')).items.length, 3);

  // What -o name prints are names everywhere.
  await world.sh('sh', '-c', 'nspawnctl get -l tier=front -o name | xargs nspawnctl stop');
  assert.equal((await world.sh('machinectl', 'list', '--no-legend')).trim(), '');
});

test('a mistake in a form or a selector is told with its place, and nothing else happens', async () => {
  const template = await world.ctl('get', '-o', 'jsonpath={.items[}');
  assert.deepEqual([template.exitCode, template.stdout], [2, '']);
  assert.match(template.stderr, /character 9: .*\n {2}\{\.items\[\}\n {10}\^$/);
  const selector = await world.ctl('get', '-l', 'tier in front');
  assert.deepEqual([selector.exitCode, selector.stdout], [2, '']);
  assert.match(selector.stderr, /labelSelector: column 9/);
});

test('a watch tells in each form what becomes of a container, and only of those selected', async () => {
  await drop('db', { tier: 'back' }, sleeper());
  await world.untilReady('db');
  const forms = {
    table: ['get', '-w', '-l', 'tier=front'],
    template: ['get', '-w', '-l', 'tier=front', '-o', 'jsonpath={.metadata.name} {.status.phase}'],
    columns: ['get', '-w', '-l', 'tier=front', '-o', 'custom-columns=P:.status.phase', '--no-headers'],
    json: ['get', '-w', '--field-selector', 'metadata.name=web', '-o', 'json'],
  };
  const outs: Record<string, string> = {};
  const running = Object.entries(forms).map(([form, args]) => {
    const child = world.host.spawn(['nspawnctl', ...args], { reject: false, stdin: 'ignore' });
    outs[form] = '';
    child.stdout?.on('data', chunk => {
      outs[form] += chunk;
    });
    return child;
  });
  // Each has listed, and watches.
  await untilConnected(4);
  await drop('web', { tier: 'front' }, sleeper());
  await world.untilReady('web');
  assert.equal(await world.exits('nspawnctl', 'stop', 'web'), 0);
  // It leaves the selection, which is told as its end is.
  await drop('web', { tier: 'none' }, sleeper());
  const complete = (form: string, pattern: RegExp) =>
    eventually(async () => pattern.test(outs[form] ?? ''), {
      timeoutMs: 60_000,
      describe: `${form}: ${pattern} in ${outs[form]}`,
    });
  await complete('table', /^web .*Running[\s\S]*^web .*Stopped[\s\S]*^web .*Deleted/m);
  await complete('template', /^web Running\n(?:web .*\n)*web Stopped\n/m);
  await complete('columns', /^Running\n(?:.*\n)*Stopped\n/m);
  await complete('json', /"phase": "Running"[\s\S]*"phase": "Stopped"[\s\S]*"tier": "none"/);
  for (const form of ['table', 'template', 'columns']) assert.doesNotMatch(outs[form] ?? '', /db/);
  assert.equal((outs.table ?? '').match(/NAME/g)?.length, 1);
  for (const child of running) child.kill();
});

test('wait ends when it is so: a condition, its opposite, a field, a beginning and an end', async () => {
  const wait = (...args: readonly string[]) => {
    const child = world.host.spawn(['nspawnctl', 'wait', '--timeout=60s', ...args], {
      reject: false,
      stdin: 'ignore',
    });
    return async () => {
      const { exitCode, stdout, stderr } = await child;
      return [exitCode, String(stdout), String(stderr)];
    };
  };
  const creation = wait('web', '--for=create');
  const early = await world.ctl('wait', 'web', '--for=condition=Ready');
  assert.deepEqual([early.exitCode, early.stderr.split('\n')[0]], [66, 'nspawnctl: no container "web"']);
  await drop('web', { tier: 'front' }, sleeper());
  assert.deepEqual(await creation(), [0, 'container/web created', '']);
  const ready = wait('container/web', '--for=condition=Ready');
  assert.deepEqual(await ready(), [0, 'container/web condition met', '']);
  assert.equal((await world.sh('machinectl', 'list', '--no-legend')).split(/\s/)[0], 'web');

  const down = wait('web', '--for=condition=Ready=false');
  const stopped = wait('-l', 'tier=front', '--for=jsonpath={.status.phase}=Stopped');
  assert.equal(await world.exits('systemctl', 'stop', 'container@web'), 0);
  assert.equal((await down())[0], 0);
  assert.deepEqual(await stopped(), [0, 'container/web condition met', '']);

  const end = wait('web', '--for=delete');
  await world.remove('web');
  assert.deepEqual(await end(), [0, 'container/web deleted', '']);
  assert.equal(await world.exits('systemctl', 'cat', 'container@web'), 1);
});

test('wait that waits in vain says why at once, and ends with 124', async () => {
  await drop('web', {}, { root: '/var/lib/machines/nowhere' });
  await world.until('web', 'Stalled', 'True');
  const { exitCode, stdout, stderr } = await world.ctl(
    'wait',
    'web',
    '--for=condition=Ready',
    '--timeout=2s',
  );
  assert.deepEqual([exitCode, stdout], [124, '']);
  assert.match(stderr, /^container\/web: Stalled\/RootMissing: .*; still waiting\n/);
  assert.match(
    stderr,
    /waited for Ready=True in vain: after 2s it is Stalled.*\n {2}see why: nspawnctl describe web$/,
  );
});

test('wait goes on across a restart of nspawnd', async () => {
  await drop('web', {}, sleeper({ autoStart: false }));
  await world.until('web', 'Ready', 'False');
  const child = world.host.spawn(['nspawnctl', 'wait', 'web', '--for=condition=Ready', '--timeout=90s'], {
    reject: false,
    stdin: 'ignore',
  });
  await untilConnected(1);
  await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
  await eventually(async () => (await world.exits('nspawnctl', 'list')) === 0, { timeoutMs: 60_000 });
  assert.equal(await world.exits('nspawnctl', 'start', 'web'), 0);
  const { exitCode, stdout } = await child;
  assert.deepEqual([exitCode, stdout], [0, 'container/web condition met']);
});

test('a person at a terminal sees what is waited for, and nothing there acts on the terminal', async () => {
  await drop('web', {}, sleeper({ command: ['/bin/sh', '-c', 'sleep infinity'], readiness: 'fifo' }));
  await terminal.type('nspawnctl wait web --for=condition=Ready --timeout=60s; echo "code $?"');
  await terminal.until(/^container\/web: Starting, .* \(\ds\)$/m);
  await terminal.press('C-c');
  await terminal.until(/^HOST>$/m);
  await terminal.clear();
  await drop('web', { evil: 'x' }, sleeper({ environment: { EVIL: '\u001b]2;owned\u0007\u009b31m\u202e' } }));
  await world.untilReady('web');
  await terminal.type("nspawnctl get web -o jsonpath='{.spec.environment.EVIL}'");
  await terminal.until(/^\\x1b\]2;owned\\x07\\u009b31m\\u202e$/m);
  await terminal.until(/^HOST>$/m);
  await terminal.type("nspawnctl get web -o custom-columns='E:.spec.environment.EVIL'");
  await terminal.until(/^E\n\\x1b\]2;owned\\x07\\u009b31m\\u202e$/m);
});

test('a daemon that is stopped in its tracks is given up on (69), and is found again', async () => {
  await drop('web', {}, sleeper());
  await world.untilReady('web');
  await world.whileHeld(async () => {
    for (const args of [['get'], ['get', '-w'], ['wait', 'web', '--for=delete']]) {
      const { exitCode, stderr } = await world.ctl('--request-timeout', '1s', ...args);
      assert.equal(exitCode, 69, `${args.join(' ')}: ${stderr}`);
      assert.match(
        stderr,
        /^nspawnctl: nspawnd did not answer on .* within 1s\n {2}see why: systemctl status/,
      );
    }
  });
  assert.match(await says('get', 'web'), /^web +True +Running/m);
});

test('without a daemon it says how to start it (69); without permission whom to ask (77)', async () => {
  const asNobody = (...args: readonly string[]) =>
    world.host.exec(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'nspawnctl', ...args], {
      reject: false,
    });
  for (const args of [['get'], ['wait', '--all', '--for=delete'], ['stop', 'web']]) {
    const { exitCode, stderr } = await asNobody(...args);
    assert.equal(exitCode, 77, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /^nspawnctl: not permitted to use .*\n {2}run the same command with sudo/);
  }
  await world.sh('systemctl', 'stop', 'nspawnd');
  try {
    for (const args of [['get'], ['get', '-w'], ['wait', '--all', '--for=delete'], ['stop', 'web']]) {
      const { exitCode, stderr } = await world.ctl(...args);
      assert.equal(exitCode, 69, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, /^nspawnctl: nspawnd is not running: .*\n {2}start it: systemctl start nspawnd\n/);
    }
  } finally {
    await world.sh('systemctl', 'start', 'nspawnd');
  }
});
