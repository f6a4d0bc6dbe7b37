import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { bootHost, findHost } from './boot-host.ts';
import { eventually } from './eventually.ts';
import { readRecord } from './host-record.ts';
import { diskOf, stateDirectory } from './places.ts';
import { isAlive, signalProcess } from './process-identity.ts';
import { suites } from './suite.ts';
import { endHost } from './supervisor.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const name = `leak-${process.pid}`;

after(() => endHost(name));

for (const suite of suites) {
  test(`a host of ${suite} boots without a failed unit and runs guests from its base tree`, async () => {
    await using host = await bootHost({ suite, startService: false });
    assert.deepEqual(await host.untilUp(), []);
    await host.copyTree('/var/lib/machines/base', '/var/lib/machines/copy');
    await Promise.all([
      startGuest('plain', ['-D', '/var/lib/machines/copy']),
      startGuest('overlay', ['-D', '/var/lib/machines/base', '--volatile=overlay']),
    ]);
    const machines = await host.exec(['machinectl', 'list', '--no-legend']);
    assert.match(machines.stdout, /^overlay .*\n?plain /m);

    async function startGuest(guest: string, where: readonly string[]): Promise<void> {
      const unit = [
        'systemd-run',
        '--unit',
        guest,
        '-p',
        'Type=notify',
        '-p',
        'Delegate=yes',
        '-p',
        'KillMode=mixed',
      ];
      const nspawn = [
        'systemd-nspawn',
        '--keep-unit',
        '--notify-ready=yes',
        '--boot',
        '--network-veth',
        '-M',
        guest,
      ];
      await host.exec([...unit, ...nspawn, ...where]);
    }
  });
}

test('exec passes arguments, input, output and exit status through as they are', async () => {
  await using host = await bootHost({ startService: false });
  const echo = await host.exec(['sh', '-c', 'cat; printf %s "$1" >&2; exit 3', 'sh', "a 'b' $c\n"], {
    input: 'in\n',
    reject: false,
  });
  assert.deepEqual(echo, { stdout: 'in', stderr: "a 'b' $c", exitCode: 3 });
  await assert.rejects(host.exec(['false']), /`false` ended with 1/);
  await assert.rejects(host.exec(['sleep', '60'], { timeoutMs: 200 }), /did not end within 200 ms/);
  await eventually(async () => (await host.exec(['pgrep', 'sleep'], { reject: false })).exitCode === 1);
});

test('a reboot keeps the disk and empties /run', async () => {
  await using host = await bootHost({ startService: false });
  await host.writeFile('/root/kept', 'yes');
  await host.writeFile('/run/lost', 'yes');
  await host.reboot();
  assert.equal(await host.readFile('/root/kept'), 'yes');
  await assert.rejects(host.readFile('/run/lost'), { code: 'ENOENT' });
});

test('two hosts run side by side and a name is taken only once', async () => {
  await using first = await bootHost({ startService: false });
  await using second = await bootHost({ startService: false });
  assert.notEqual(first.leader, second.leader);
  await assert.rejects(bootHost({ name: first.name }), /is already up/);
});

test('down leaves no process, mount, link, control group or directory, guests running or not', async () => {
  const before = lookAtMachine();
  await execa(process.execPath, ['--import', 'tsx', main, 'up', name, '--no-start']);
  const host = await findHost(name);
  const guest = [
    'systemd-nspawn',
    '--keep-unit',
    '--notify-ready=yes',
    '--boot',
    '--network-veth',
    '-M',
    'guest',
  ];
  const unit = ['systemd-run', '-p', 'Type=notify', '-p', 'Delegate=yes'];
  await host.exec([...unit, ...guest, '-D', '/var/lib/machines/base', '--volatile=overlay']);
  host.spawn(['sh', '-c', 'sleep 1000; true', name], { reject: false });
  await execa(process.execPath, ['--import', 'tsx', main, 'down', name]);
  await untilMachineLooksLike(before);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const) {
  test(`a host ends without a trace when its owner ends by ${signal}`, async () => {
    const before = lookAtMachine();
    const owner = await startOwner();
    owner.kill(signal);
    await once(owner, 'close');
    await untilMachineLooksLike(before);
  });
}

test('what a killed supervisor leaves behind is found stale, and removed by the next up or down', async () => {
  const before = lookAtMachine();
  const first = await bootHost({ name, startService: false });
  await killSupervisor();
  const leader = first.leader;
  await assert.rejects(findHost(name), /there is no host/);
  const second = await bootHost({ name, startService: false });
  assert.notEqual(second.leader, leader);
  await killSupervisor();
  await endHost(name);
  await untilMachineLooksLike(before);
});

async function killSupervisor(): Promise<void> {
  const supervisor = (await readRecord(name))?.supervisor;
  assert.ok(supervisor && signalProcess(supervisor, 'SIGKILL'));
  await eventually(() => !isAlive(supervisor));
}

/** Another process that boots a host and waits, the way a test does. */
async function startOwner(): Promise<ReturnType<typeof spawn>> {
  const program = `
    const { bootHost } = await import(${JSON.stringify(new URL('boot-host.ts', import.meta.url).href)});
    await bootHost({ name: ${JSON.stringify(name)}, startService: false });
    console.log('booted');
    setInterval(() => {}, 1000);`;
  const argv = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const owner = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(owner.stdout, 'data');
  return owner;
}

/**
 * All that a host could leave on this machine, one line each. Other tests may have hosts at the same time: those make
 * no mount and no link out here, and their processes do not mention our name.
 */
function lookAtMachine(): readonly string[] {
  const mounts = readOrNothing('/proc/mounts').split('\n');
  const links = listOrNothing('/sys/class/net');
  const processes = listOrNothing('/proc').filter(entry => /^\d+$/.test(entry) && mentionsHost(entry));
  const places = [
    '/run',
    '/run/netns',
    '/run/systemd/nspawn',
    stateDirectory,
    diskOf('.'),
    ...controlGroups(),
  ];
  const entries = places.flatMap(place =>
    listOrNothing(place)
      .filter(isOurs)
      .map(entry => `${place}/${entry}`),
  );
  return [...mounts, ...links, ...processes.map(describeProcess), ...entries];
}

function isOurs(entry: string): boolean {
  return !entry.startsWith('test-') && !entry.endsWith('.lock');
}

function mentionsHost(pid: string): boolean {
  if (pid === String(process.pid)) return false;
  return ['cmdline', 'environ', 'cgroup'].some(file => readOrNothing(`/proc/${pid}/${file}`).includes(name));
}

function describeProcess(pid: string): string {
  return `${pid} ${readOrNothing(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`;
}

/** Where hosts have their control groups: in each hierarchy of the machine. */
function controlGroups(): readonly string[] {
  const hierarchies = listOrNothing('/sys/fs/cgroup').map(entry => `/sys/fs/cgroup/${entry}`);
  return ['/sys/fs/cgroup', ...hierarchies].map(hierarchy => `${hierarchy}/nspawnd-testbed`);
}

async function untilMachineLooksLike(before: readonly string[]): Promise<void> {
  const isAsBefore = () => {
    assert.deepEqual(lookAtMachine(), before);
    return true;
  };
  await eventually(isAsBefore, { timeoutMs: 60_000, describe: 'the machine to be as before' });
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // a process that has just ended, or a place that is not there
  }
}

function listOrNothing(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
