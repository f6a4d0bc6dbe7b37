import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { capabilityNames } from '../../../src/host/guest-bounds.ts';
import type { GuestBus } from '../../../src/host/guest-bus.ts';
import { AS_ROOT, loginShell, runIn, type Way } from '../../../src/host/guest-command.ts';
import type { Guest } from '../../../src/host/guest-facts.ts';
import { enteringArgv } from '../../../src/host/guest-switch.ts';
import type { GuestTerminals } from '../../../src/host/guest-terminals.ts';
import { findInPasswd, type GuestUser } from '../../../src/host/guest-user.ts';

const BOUNDS = { boundingSet: '0000000000200003', hasNoNewPrivileges: false, sharesUsers: true };
const GUEST: Guest = { name: 'web', leader: 4711, hasSystemd: true, bounds: BOUNDS };
const BUS: GuestBus = { speaking: ['env', 'BUS=3'], descriptors: [21], close: async () => undefined };
const TERMINALS: GuestTerminals = { making: ['make'], descriptors: [22, 23], close: async () => undefined };
const NO_PROGRAMS = { nsenter: '', setpriv: '' };
const PROGRAMS = { nsenter: '/usr/bin/nsenter', setpriv: '/usr/bin/setpriv' };
const WAY: Way = { isTerminal: false, bus: BUS, terminals: null, unit: 'u.service', programs: NO_PROGRAMS };
const BY_NAMESPACES: Way = { ...WAY, bus: null, programs: PROGRAMS };

/** Words up to `--`, and those after it. */
function split(argv: readonly string[]): { options: readonly string[]; command: readonly string[] } {
  const index = argv.indexOf('--');
  return { options: argv.slice(0, index), command: argv.slice(index + 1) };
}

test("a guest with systemd runs it as a unit of the guest's", () => {
  const { argv, descriptors, unit } = runIn(GUEST, ['ls', '-l'], WAY);
  const { options, command } = split(argv);
  assert.deepEqual(options, [
    'env',
    'BUS=3',
    'systemd-run',
    '--no-ask-password',
    '--quiet',
    '--collect',
    '--wait',
    '--pipe',
    '--description=Command of nspawnctl',
    '--service-type=exec',
    '--property=TimeoutStopSec=5s',
    '--unit=u.service',
    '--uid=root',
  ]);
  assert.deepEqual(command.slice(-2), ['ls', '-l']);
  assert.deepEqual([descriptors, unit], [[21], { name: 'u.service', bus: BUS }]);
});

test('a guest without is entered from a unit of the host, with no more than the guest may', () => {
  const guest = { ...GUEST, hasSystemd: false };
  const { argv, descriptors, unit } = runIn(guest, ['ls', '-l'], BY_NAMESPACES);
  const { options, command } = split(argv);
  assert.equal(options[0], 'systemd-run');
  assert.ok(options.includes('--property=CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_SYS_ADMIN'));
  assert.ok(options.includes('--property=DevicePolicy=closed'));
  assert.ok(options.includes('--property=ReadOnlyPaths=/'));
  assert.ok(options.some(option => /^--property=SystemCallFilter=~.*\bopen_by_handle_at\b/.test(option)));
  assert.deepEqual(command.slice(-6), ['/usr/bin/nsenter', '--target=4711', '--all', '--', 'ls', '-l']);
  assert.deepEqual([descriptors, unit], [[], { name: 'u.service', bus: null }]);
});

test('a guest that is entered to be switched gets no more than it may have either', () => {
  const argv = enteringArgv(4711, BOUNDS, ['/nix/store/x/bin/switch-to-configuration', 'test'], 90);
  const { options, command } = split(argv);
  assert.ok(options.includes('--property=CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_SYS_ADMIN'));
  assert.ok(options.includes('--property=DevicePolicy=closed'));
  assert.ok(options.includes('--property=ReadOnlyPaths=/'));
  assert.ok(options.some(option => /^--property=SystemCallFilter=~.*\bopen_by_handle_at\b/.test(option)));
  assert.ok(options.includes('--property=RuntimeMaxSec=90'));
  assert.deepEqual(command.slice(0, 2), ['/usr/bin/env', '-i']);
  assert.deepEqual(command.slice(-6, -2), ['nsenter', '--target=4711', '--all', '--']);
  assert.throws(() => enteringArgv(4711, null, ['x'], 90), /not entered/);
});

test('what a guest may not is not given back to it by users of its own, nor by a program', () => {
  const guest = {
    ...GUEST,
    hasSystemd: false,
    bounds: { ...BOUNDS, hasNoNewPrivileges: true, sharesUsers: false },
  };
  const { options, command } = split(runIn(guest, ['ls'], BY_NAMESPACES).argv);
  assert.ok(options.includes('--property=NoNewPrivileges=yes'));
  const enter = ['/usr/bin/nsenter', '--target=4711'];
  const words = [
    ...[...enter, '--net', '--', ...enter, '--user', '--', '/usr/bin/setpriv'],
    ...['--bounding-set=-all,+cap_0,+cap_1,+cap_21', '--inh-caps=-all', '--no-new-privs', '--'],
    ...[...enter, '--mount', '--uts', '--ipc', '--cgroup', '--pid', '--'],
  ];
  assert.deepEqual(command.slice(-words.length - 1), [...words, 'ls']);
});

test('a terminal is made where there is one', () => {
  const { argv, descriptors } = loginShell(GUEST, { ...WAY, isTerminal: true, terminals: TERMINALS });
  const { options } = split(argv);
  assert.ok(options.includes('--pty') && !options.includes('--pipe'));
  assert.deepEqual(options.slice(0, 4), ['make', 'env', 'BUS=3', 'systemd-run']);
  assert.deepEqual(descriptors, [21, 22, 23]);
});

test('systemd replaces nothing in what was typed', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  const { argv } = runIn(GUEST, ['sh', '-c', 'echo $HOME ${HOME} $$'], WAY);
  assert.equal(argv.at(-1), 'echo $$HOME $${HOME} $$$$');
});

test('capabilities are named by their numbers', () => {
  assert.deepEqual(capabilityNames('0'), []);
  assert.deepEqual(capabilityNames('000001ffffffffff').length, 41);
  assert.deepEqual(capabilityNames('10000000001'), ['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE']);
});

const USER: GuestUser = { name: 'bob', uid: 1000, gid: 100, home: '/home/bob' };

test('another user, variables and a directory are asked of the systemd of the guest, and of its shell', () => {
  const setting = { user: USER, variables: ['A=1 $B', 'C='], directory: '/srv' };
  const { options, command } = split(runIn(GUEST, ['ls'], WAY, setting).argv);
  assert.ok(options.includes('--uid=bob'));
  assert.deepEqual(command.slice(3), ['sh', '/srv', 'A=1 $$B', 'C=', '--', 'ls']);
});

test('where there is no shell they are asked of what enters', () => {
  const guest = { ...GUEST, hasSystemd: false };
  const setting = { user: USER, variables: ['A=1'], directory: '/srv' };
  const { command } = split(runIn(guest, ['ls'], BY_NAMESPACES, setting).argv);
  assert.deepEqual(command.slice(4), [
    'HOME=/home/bob',
    'USER=bob',
    'LOGNAME=bob',
    'A=1',
    '/usr/bin/nsenter',
    '--target=4711',
    '--all',
    '--setuid=1000',
    '--setgid=100',
    '--wdns=/srv',
    '--',
    'ls',
  ]);
});

test('users are found by name and by number, and nothing odd is one', () => {
  const text =
    'root:x:0:0::/root:/bin/sh\nbob:x:1000:100:B:/home/bob:\nx y:x:5:5::/:\n-o:x:6:6::/:\nno:x:4294967295:1::/:\n';
  assert.deepEqual(findInPasswd(text, 'bob'), USER);
  assert.deepEqual(findInPasswd(text, '1000'), USER);
  for (const user of ['x y', '-o', '5', 'no', '', 'alice'])
    assert.equal(findInPasswd(text, user), null, user);
});

/** The script that the guest's shell gets, run by ours. */
function inShell(
  command: readonly string[],
  input = '',
  setting = AS_ROOT,
): { code: number | null; out: string; err: string } {
  const [program = '', ...args] = split(runIn(GUEST, command, WAY, setting).argv).command.map(word =>
    word.replaceAll('$$', '$'),
  );
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

test("the guest's shell ends as the command does, also when a signal ends it", () => {
  assert.equal(inShell(['true']).code, 0);
  assert.equal(inShell(['sh', '-c', 'exit 7']).code, 7);
  assert.equal(inShell(['sh', '-c', 'kill -INT $PPID; kill -INT $$']).code, 130);
  assert.equal(inShell(['sh', '-c', 'kill -TERM $PPID; kill -TERM $$']).code, 143);
  assert.equal(inShell(['sh', '-c', 'kill -KILL $$']).code, 137);
  assert.equal(inShell(['/nowhere/nothing']).code, 127);
});

test("the guest's shell says nothing of its own, and passes everything on as it is", () => {
  const { out, err } = inShell(
    ['sh', '-c', 'cat; echo "[$1][$2]"; echo e >&2; kill -TERM $$', 'sh', '', 'a  b'],
    'in',
  );
  assert.deepEqual([out, err], ['in[][a  b]\n', 'e\n']);
  assert.match(inShell(['/nowhere/nothing']).err, /nowhere/);
});

test("the guest's shell sets variables and goes where it is told", () => {
  const setting = { ...AS_ROOT, variables: ['A=x  y"\'', 'B='], directory: '/usr' };
  const { out } = inShell(['sh', '-c', 'pwd; echo "[$A][$B]"; env | grep -c "^B="'], '', setting);
  assert.equal(out, '/usr\n[x  y"\'][]\n1\n');
  assert.equal(inShell(['true'], '', { ...AS_ROOT, directory: '/nowhere' }).code, 126);
});

test("a login shell runs a line as ssh gives it, and ends with the line's status", () => {
  const [program = '', ...args] = split(
    loginShell(GUEST, WAY, undefined, 'echo "a  b"; exit 5').argv,
  ).command.map(word => word.replaceAll('$$', '$'));
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [5, 'a  b\n']);
});

test('the scripts are such as any shell takes', () => {
  for (const argv of [
    runIn(GUEST, ['true'], WAY).argv,
    loginShell(GUEST, WAY).argv,
    runIn(GUEST, ['true'], BY_NAMESPACES).argv,
  ])
    execFileSync('/bin/sh', ['-n', '-c', (split(argv).command[2] ?? '').replaceAll('$$', '$')]);
});
