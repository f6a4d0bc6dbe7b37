import assert from 'node:assert/strict';
import { readFile, readlink, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { run } from '../../../src/host/command.ts';
import { openGuestBus } from '../../../src/host/guest-bus.ts';
import { asGuestRoot } from '../../../src/host/guest-root.ts';
import { askFailedUnits } from '../../../src/host/probes/failed-units.ts';
import { probeUnit } from '../../../src/host/probes/unit-probe.ts';
import { scratch } from './scratch.ts';
import { unshared } from './unshared.ts';

const skip = process.getuid?.() !== 0 && 'only root has mounts of its own';
const SOCKET = 'run/dbus/system_bus_socket';

/** A process with a /run of its own, in which this has been done. */
async function guest(context: TestContext, lines: string, options: readonly string[] = []): Promise<number> {
  return unshared(context, `mount -t tmpfs none /run && mkdir /run/dbus && { ${lines}; }`, options);
}

async function serveBus(context: TestContext, leader: number): Promise<void> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(`/proc/${leader}/root/${SOCKET}`, resolve));
  context.after(() => server.close());
}

/** A systemctl that notes how it is called, and which socket its bus is. */
async function noting(context: TestContext): Promise<() => Promise<string>> {
  const directory = await scratch(context);
  const notes = join(directory, 'notes');
  const program = [
    '#!/bin/sh',
    `echo "$SYSTEMCTL_FORCE_BUS $(stat -L -c %i "\${DBUS_SYSTEM_BUS_ADDRESS#unix:path=}") $*" >>${notes}`,
    'case $* in list-units*) echo "a.service loaded failed failed A";; esac',
  ];
  await writeFile(join(directory, 'systemctl'), `${program.join('\n')}\n`, { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${directory}:${before}`;
  context.after(() => {
    process.env.PATH = before;
  });
  return () => readFile(notes, 'utf8').catch(() => '');
}

// All in one: what asks keeps the first $PATH that it sees.
test("a guest's systemd is asked by its open socket, and by nothing that enters the guest", {
  skip,
}, async t => {
  const notes = await noting(t);
  const good = await guest(t, 'true');
  await serveBus(t, good);
  assert.deepEqual(await askFailedUnits(good), { names: ['a.service'], more: 0 });
  assert.equal((await probeUnit(good, 'web.service', 5)).is, 'good');
  const { ino } = await stat(`/proc/${good}/root/${SOCKET}`);
  const asked = [
    `1 ${ino} list-units --failed --full --plain --no-legend --no-pager\n`,
    `1 ${ino} is-active -- web.service\n`,
  ].join('');
  assert.equal(await notes(), asked);

  const mount = 'mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none';
  for (const place of ['/run/dbus', '/run']) {
    const hanging = await guest(t, `mknod /run/fuse c 10 229 && exec 3<>/run/fuse && ${mount} ${place}`);
    for (let times = 0; times < 3; times++) assert.equal(await askFailedUnits(hanging), null, place);
    const { is, detail } = await probeUnit(hanging, 'web.service', 5);
    assert.equal(`${is} ${detail}`, "bad web.service: the guest's bus cannot be reached");
  }
  const without = await guest(t, 'true');
  assert.equal(await askFailedUnits(without), null);
  const many = await guest(
    t,
    'mkdir /run/d && mount -t tmpfs none /run/d && i=0 && while [ $i -lt 15 ]; do mount --make-shared /run/d && mount --bind /run/d /run/d; i=$((i+1)); done',
  );
  await serveBus(t, many);
  assert.equal(await askFailedUnits(many), null);
  assert.equal(await notes(), asked, 'nothing was run for any of them');
});

test("who gives orders to a guest's systemd has the open socket, and nothing of the guest", {
  skip,
}, async t => {
  const leader = await guest(t, 'true');
  await serveBus(t, leader);
  const bus = await openGuestBus(leader);
  assert.ok(bus !== null);
  // Also when the guest has put something else there.
  const { ino } = await stat(`/proc/${leader}/root/${SOCKET}`);
  await rename(`/proc/${leader}/root/${SOCKET}`, `/proc/${leader}/root/${SOCKET}.moved`);
  const look =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    'stat -L -c %i "${DBUS_SYSTEM_BUS_ADDRESS#unix:path=}"; echo $SYSTEMCTL_FORCE_BUS; readlink /proc/self/ns/mnt';
  const [program = '', ...args] = [...bus.speaking, 'sh', '-c', look];
  const { stdout } = await run(program, args, { descriptors: bus.descriptors });
  assert.equal(stdout, `${ino}\n1\n${await readlink('/proc/self/ns/mnt')}`);
  await bus.close();
  assert.equal(await openGuestBus(await guest(t, 'true')), null);
});

test('the root of a guest with users of its own is a user who is nobody on the host', { skip }, async t => {
  assert.deepEqual(await asGuestRoot(await guest(t, 'true')), []);
  const withUsers = async (map: string) => {
    const leader = await unshared(t, 'true', ['--user']);
    for (const kind of ['uid', 'gid']) await writeFile(`/proc/${leader}/${kind}_map`, map);
    return asGuestRoot(leader);
  };
  const words = await withUsers('0 700000 65536');
  assert.ok(words !== null);
  const [program = '', ...args] = [
    ...words,
    'sh',
    '-c',
    'id -u; id -G; grep -E "Cap(Prm|Bnd)" /proc/self/status',
  ];
  const { stdout } = await run(program, args);
  assert.equal(stdout, '700000\n700000\nCapPrm:\t0000000000000000\nCapBnd:\t0000000000000000');
  assert.equal(await withUsers('0 1000 10'), null, 'of a user of the host');
  assert.equal(await withUsers('1000 700000 10'), null, 'of a guest without a root');
  assert.equal(await asGuestRoot(2 ** 22 + 1), null);
});
