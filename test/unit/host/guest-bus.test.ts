import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sharesUsers } from '../../../src/host/guest-bus.ts';
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

test("who has users of its own is told from who has the host's", { skip }, async t => {
  assert.equal(await sharesUsers(await guest(t, 'true')), true);
  assert.equal(await sharesUsers(await guest(t, 'true', ['--user', '--map-root-user'])), false);
});
