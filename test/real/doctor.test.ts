import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { eventually } from '../testbed/eventually.ts';
import { Tmux } from './tmux.ts';
import { sleeper, useWorld } from './world.ts';

/** What nspawnctl says of the host and of what runs on it: doctor, top. */
let terminal: Tmux;
const world = useWorld({}, async host => {
  terminal = await Tmux.open(host, 'doctor');
});

interface Diagnosis {
  readonly exitCode: number;
  /** What is not as it should be, by check. */
  readonly bad: Readonly<Record<string, Finding>>;
}

async function doctor(): Promise<Diagnosis> {
  const { exitCode, stdout } = await world.ctl('doctor', '-o', 'json');
  const { items } = JSON.parse(stdout) as { items: readonly Finding[] };
  return {
    exitCode,
    bad: Object.fromEntries(
      items.filter(({ status }) => status !== 'ok').map(finding => [finding.check, finding]),
    ),
  };
}

/** A test host is a container itself, and not everything of the machine's is its own. */
const OF_THE_MACHINE = ['cgroup', 'inotify'];

test('the doctor finds nothing that fails on a host that is as it should be', async () => {
  const { exitCode, bad } = await doctor();
  assert.deepEqual(
    [exitCode, Object.keys(bad).filter(check => !OF_THE_MACHINE.includes(check))],
    [0, []],
    JSON.stringify(bad),
  );
  const { stdout } = await world.ctl('doctor');
  assert.match(stdout, /^ok +nspawnd +answers; version/m);
  assert.match(stdout, /^ok +systemd +\d{3}$/m);
  assert.match(stdout, /^ok +nft +\d/m);
});

test('the doctor names what was broken, with what mends it', async () => {
  const chain = '{ type filter hook forward priority 0; policy drop; }';
  try {
    await world.sh('chmod', '777', '/etc/nspawnd/manifests');
    await world.sh('nft', `add table ip fw; add chain ip fw forward ${chain}`);
    await world.sh('mv', '/usr/lib/systemd/network/70-nspawnd.network', '/root');
    await world.sh('systemctl', 'start', 'systemd-networkd');
    const { exitCode, bad } = await doctor();
    assert.equal(exitCode, 1);
    assert.equal(bad.manifests?.status, 'fail');
    assert.equal(bad.manifests?.fix, 'chmod go-w /etc/nspawnd/manifests');
    assert.equal(bad.firewall?.status, 'warn');
    assert.match(bad.firewall?.message ?? '', /^ip fw forward drops/);
    assert.equal(bad['systemd-networkd']?.status, 'fail');
    // What it says to do is what helps.
    await world.sh('sh', '-c', bad.manifests?.fix ?? 'false');
  } finally {
    await world.exits('systemctl', 'stop', 'systemd-networkd.socket', 'systemd-networkd.service');
    await world.exits('mv', '/root/70-nspawnd.network', '/usr/lib/systemd/network/');
    await world.exits('nft', 'delete table ip fw');
    await world.exits('chmod', '755', '/etc/nspawnd/manifests');
  }
  await eventually(async () => (await doctor()).exitCode === 0, {
    timeoutMs: 60_000,
    describe: 'all to be well',
  });
});

test('the doctor names the drop-in by which guests lose their networks', async () => {
  const dropIn = '/run/systemd/system/nspawnd.service.d/hardened.conf';
  const restart = () => world.sh('sh', '-c', 'systemctl daemon-reload && systemctl restart nspawnd');
  await world.host.writeFile(dropIn, '[Service]\nReadOnlyPaths=/root\n');
  try {
    await restart();
    const { exitCode, bad } = await doctor();
    assert.equal(exitCode, 1);
    assert.match(bad.mounts?.fix ?? '', /drop-ins/);
    const said = await world.sh('journalctl', '--unit=nspawnd', '--boot', '--output=cat');
    assert.match(said, /mounts of its own/);
  } finally {
    await world.sh('rm', dropIn);
    await restart();
  }
  assert.equal((await doctor()).bad.mounts, undefined);
});

test('the doctor works while nspawnd does not, or is hung', async () => {
  await world.sh('systemctl', 'stop', 'nspawnd');
  const down = await doctor();
  assert.equal(down.exitCode, 1);
  assert.match(down.bad.nspawnd?.message ?? '', /not running/);
  assert.match(down.bad.nspawnd?.fix ?? '', /systemctl start nspawnd/);
  await world.sh('systemctl', 'start', 'nspawnd');
  await eventually(async () => (await doctor()).exitCode === 0, {
    timeoutMs: 60_000,
    describe: 'nspawnd to answer',
  });

  await world.whileHeld(async () => {
    const begin = performance.now();
    const { stdout, exitCode } = await world.ctl('doctor', '--request-timeout', '2s');
    assert.equal(exitCode, 1);
    assert.match(stdout, /^fail +nspawnd +nspawnd did not answer/m);
    assert.ok(performance.now() - begin < 30_000);
  });
});

interface UsageList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly usage: Readonly<Record<string, number | null>>;
  }[];
}

const BUSY = sleeper({ command: ['/bin/sh', '-c', 'while :; do :; done'] });
const LINKED = sleeper({ privateNetwork: true, hostAddress: '10.231.9.1', localAddress: '10.231.9.2' });

test('top tells who is busy, and what goes over a link, also without nspawnd', async () => {
  await world.drop('busy', BUSY);
  await world.drop('idle', LINKED);
  await world.untilReady('busy', 'idle');
  const usages = async () => {
    const { exitCode, stdout } = await world.ctl('top', '-o', 'json');
    assert.equal(exitCode, 0);
    const { items } = JSON.parse(stdout) as UsageList;
    return Object.fromEntries(items.map(({ metadata, usage }) => [metadata.name, usage]));
  };
  const ping = world.host.spawn(['ping', '-q', '-i', '0.01', '-s', '1000', '10.231.9.2'], { reject: false });
  try {
    await eventually(
      async () => {
        const { busy, idle } = await usages();
        assert.ok((busy?.cpuCores ?? 0) > 0.2, JSON.stringify(busy));
        assert.ok((idle?.cpuCores ?? 1) < 0.1, JSON.stringify(idle));
        assert.ok((idle?.receivedBytesPerSec ?? 0) > 10_000, JSON.stringify(idle));
        assert.ok((idle?.sentBytesPerSec ?? 0) > 10_000, JSON.stringify(idle));
        assert.equal(busy?.receivedBytesPerSec, null);
        return true;
      },
      { timeoutMs: 30_000, describe: 'the busy one to be seen' },
    );
  } finally {
    ping.kill();
    await ping;
  }
  await world.sh('systemctl', 'stop', 'nspawnd');
  const { stdout, exitCode } = await world.ctl('top', '--sort-by', 'cpu');
  assert.equal(exitCode, 0);
  assert.match(stdout, /^NAME +CPU +MEMORY +TASKS +RECEIVED +SENT\nbusy +\d+\.\d% .*\nidle /);
  await world.sh('systemctl', 'start', 'nspawnd');
});

test('top of what does not run says so', async () => {
  await world.drop('web', sleeper());
  await world.drop('down', sleeper({ autoStart: false }));
  await world.untilReady('web');
  await eventually(async () => (await world.get('down')) !== null, {
    describe: 'both to be known',
  });
  const down = await world.ctl('top', 'down');
  assert.deepEqual([down.exitCode, down.stdout], [1, '']);
  assert.match(down.stderr, /down does not run/);
  const unknown = await world.ctl('top', 'wbe');
  assert.equal(unknown.exitCode, 66);
  assert.match(unknown.stderr, /did you mean web\?/);
  const both = await world.ctl('top', 'web', 'down');
  assert.equal(both.exitCode, 1);
  assert.match(both.stdout, /^web /m);
  assert.match(both.stderr, /down does not run/);
});

test('top in a terminal follows what happens until q, in a window of any size', async () => {
  await world.drop('busy', BUSY);
  await world.untilReady('busy');
  await terminal.clear();
  await terminal.type('echo before');
  await terminal.type('nspawnctl top');
  await terminal.until(/^busy +\d+\.\d%/m);
  assert.doesNotMatch(await terminal.screen(), /before/);
  for (let index = 0; index < 8; index++) await world.drop(`more${index}`, sleeper());
  await terminal.until(/^more7 /m);
  await terminal.resize(40, 6);
  await terminal.until(/^and \d+ more; q ends$/m);
  const small = await terminal.screen();
  assert.ok(
    small.split('\n').every(line => line.length <= 40),
    small,
  );
  await terminal.resize(100, 30);
  await terminal.until(/^more7 /m);
  await world.remove('more7');
  await eventually(async () => !(await terminal.screen()).includes('more7'), {
    timeoutMs: 60_000,
    describe: 'the one that is gone to be gone',
  });
  await terminal.press('q');
  // What was on the screen is there again, and the terminal is as before.
  await terminal.until(/before[\s\S]*HOST>\s*$/);
  assert.doesNotMatch(await terminal.screen(), /^busy/m);
  await terminal.type('stty -a | grep -c " echo "; echo "exit $?"');
  await terminal.until(/^exit 0$/m);

  await terminal.type('nspawnctl top');
  await terminal.until(/^busy +\d+\.\d%/m);
  await terminal.press('C-c');
  await terminal.until(/HOST>\s*$/);
});

test('what is wrong with a manifest is shown in its line, and obeyed by no terminal', async () => {
  await world.host.writeFile(
    '/root/bad.yaml',
    'apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: web }\nspec:\n  root: "日本/\u001b[31m\u009b2J"\n  restartPolicy: always\n',
  );
  // Whatever the test before has left there.
  await terminal.press('q', 'C-c');
  await terminal.clear();
  await terminal.type('nspawnctl validate /root/bad.yaml');
  const [shown] = await terminal.until(/^ {4}root: .*\n {10}\^$/m);
  assert.match(shown, /日本\/\\x1b\[31m\\u009b2J/);
  await terminal.until(/did you\s+mean "Always"\?\n {4}restartPolicy: always\n {19}\^$/m);
});
