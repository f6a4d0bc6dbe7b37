import assert from 'node:assert/strict';
import { guest, manifestText, sleeper } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, type Scene, untilAccepted } from './scene.ts';

const STATE = '/var/lib/nspawnd';
const MANIFESTS = '/etc/nspawnd/manifests';

const FIFO = {
  readiness: 'fifo',
  command: ['/bin/sh', '-c', 'sleep 1; echo started > /var/lib/startup-done; exec sleep infinity'],
};

export const fullRun: Fault = {
  name: 'full-run',
  title:
    '/run full: what runs runs on, what starts says what is in the way, and goes on by itself when there is room',
  run: async scene => {
    const { world } = scene;
    const before = await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
    await world.drop('dies', sleeper({ ...ownNetwork(220), restartPolicy: 'Always' }));
    await world.drop('starts', sleeper({ ...ownNetwork(221), ...FIFO }));
    await world.untilReady('dies');
    await fill(scene, '/run');
    try {
      // What a person asks for and cannot be kept is refused, not forgotten.
      const stop = await world.ctl('stop', 'lives-plain');
      assert.notEqual(stop.exitCode, 0);
      assert.match(stop.stderr, /ENOSPC|no space/i);
      // One that writes to its FIFO, one that is new, one that ends, one that goes.
      await world.drop('comes', sleeper(ownNetwork(222)));
      await untilItSays(scene, 'comes', /ENOSPC|no space left/i);
      await world.sh('kill', '-9', String(await world.mainPid('dies')));
      await world.remove('dies');
      await scene.untouched();
    } finally {
      await empty(scene, '/run');
    }
    await world.untilReady('starts', 'comes');
    await world.untilGone('dies');
    for (const name of ['starts', 'comes']) await world.remove(name);
    for (const name of ['starts', 'comes']) await world.untilGone(name);
    assert.equal(await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd'), before, 'the same nspawnd');
    return 'a launch, an end, a stop and a removal in it';
  },
};

export const fullState: Fault = {
  name: 'full-var',
  title:
    '/var/lib/nspawnd full: what is in force stays, also for an nspawnd that is started meanwhile; new comes when there is room',
  around: onDiskOfItsOwn(STATE, 'tmpfs -o mode=0700,size=1m'),
  run: async scene => {
    const { world } = scene;
    await world.drop('edited', sleeper({ environment: { EDITION: 'first' } }));
    await world.untilReady('edited');
    const run = await world.invocation('edited');
    await fill(scene, STATE);
    try {
      await world.drop('comes', sleeper());
      await world.drop('edited', sleeper({ environment: { EDITION: 'second' } }));
      await untilLogged(
        scene,
        /a manifest could not be recorded.*ENOSPC|ENOSPC.*a manifest could not be recorded/,
      );
      assert.equal(await world.invocation('edited'), run, 'an edit that cannot be recorded is not in force');
      await world.sh('systemctl', 'restart', 'nspawnd');
      await scene.untouched();
      assert.equal(await world.invocation('edited'), run);
    } finally {
      await empty(scene, STATE);
    }
    await world.untilReady('comes');
    await eventually(async () => (await world.invocation('edited')) !== run, { timeoutMs: 60_000 });
    await world.untilReady('edited');
    for (const name of ['comes', 'edited']) await world.remove(name);
    for (const name of ['comes', 'edited']) await world.untilGone(name);
    return 'a new one, an edit and a restart of nspawnd in it';
  },
};

export const fullMachines: Fault = {
  name: 'full-machines',
  title:
    'no room for the copy of an ephemeral root: it says so, leaves no piece of a copy behind, and starts when there is room',
  around: onDiskOfItsOwn('/srv/roots', 'tmpfs -o size=600m'),
  run: async scene => {
    const { world } = scene;
    await world.sh('sh', '-c', 'cp -a /var/lib/machines/base /srv/roots/base');
    await fill(scene, '/srv/roots');
    try {
      await world.drop('copied', guest({ root: '/srv/roots/base', volatile: 'no', ephemeral: true }));
      await untilItSays(scene, 'copied', /no space left|exited with status|did not start/i);
      await world.untilEvent('copied', 'Failed');
    } finally {
      await empty(scene, '/srv/roots');
    }
    await world.ctl('restart', 'copied');
    await world.untilReady('copied');
    const copies = await world.sh(
      'sh',
      '-c',
      "ls -A /srv/roots | grep -cE '^[.]#(machine|snapshot)[.]base[0-9a-f]{16}$' || :",
    );
    assert.equal(copies, '1');
    await world.remove('copied');
    await world.untilGone('copied');
    return 'launches in it';
  },
};

export const fullManifests: Fault = {
  name: 'full-manifests',
  title:
    'the disk of the manifests full: whoever writes there is told, half a file never runs, and nothing is deleted',
  around: onDiskOfItsOwn(MANIFESTS, 'tmpfs -o mode=0755,size=256k'),
  run: async scene => {
    const { world } = scene;
    await world.sh('mkdir', '-p', '/srv/made/usr', '/srv/made/etc');
    await untilAccepted(world);
    await fill(scene, MANIFESTS);
    try {
      const created = await world.ctl('create', 'made', '--root', '/srv/made');
      assert.notEqual(created.exitCode, 0);
      assert.match(created.stderr, /ENOSPC|no space/i);
      const text = manifestText('half', sleeper());
      // As an editor does: the file is there, its text is not.
      await world.sh('sh', '-c', `printf %s "$1" > ${MANIFESTS}/half.yaml || :`, 'sh', text);
      assert.equal(await world.host.readFile(`${MANIFESTS}/half.yaml`), '');
      await eventually(async () => (await world.source()).files >= 7, { timeoutMs: 30_000 });
      await scene.untouched();
      assert.equal(await world.get('half'), null);
    } finally {
      await empty(scene, MANIFESTS);
    }
    await world.drop('half', sleeper());
    await world.untilReady('half');
    await world.remove('half');
    await world.untilGone('half');
    return 'a create and half a file in it';
  },
};

/** A small disk in the place of a directory, whose content is not there for as long. */
function onDiskOfItsOwn(place: string, mount: string): NonNullable<Fault['around']> {
  return async (world, body) => {
    await world.sh(
      'sh',
      '-ec',
      `systemctl stop nspawnd; mkdir -p ${place}; mount -t tmpfs ${mount} ${place}; systemctl start nspawnd`,
    );
    try {
      await body();
    } finally {
      await world.sh('sh', '-ec', `systemctl stop nspawnd; umount -l ${place}; systemctl start nspawnd`);
    }
  };
}

/**
 * Not a byte and not a name more has room. For /run, which is large, its limits come down to what is used; that grows and
 * shrinks all the time, and the kernel refuses limits below it.
 */
async function fill({ world }: Scene, place: string): Promise<void> {
  if (place === '/run') {
    await world.sh(
      'bash',
      '-ec',
      `
      used() { df -k --output="$1" /run | tail -1; }
      limit() { mount -o "remount,size=$(($(used used)))k,nr_inodes=$(($(used iused)))" /run; }
      for try in {1..100}; do if limit 2> /dev/null; then exit; fi; done
      limit`,
    );
    return;
  }
  await world.sh(
    'sh',
    '-c',
    `dd if=/dev/zero of=${place}/.filling bs=4k 2> /dev/null; dd if=/dev/zero of=${place}/.filling2 bs=1 2> /dev/null; :`,
  );
}

async function empty({ world }: Scene, place: string): Promise<void> {
  if (place === '/run') {
    await world.sh('sh', '-ec', 'mount -o remount,size=1g,nr_inodes=800000 /run');
    return;
  }
  await world.sh('rm', '-f', `${place}/.filling`, `${place}/.filling2`);
}

/** In its conditions, where people look. */
async function untilItSays({ world }: Scene, name: string, words: RegExp): Promise<string> {
  return eventually(
    async () => {
      const conditions = (await world.get(name))?.status.conditions ?? [];
      const found = conditions.find(({ message }) => words.test(message));
      assert.ok(found !== undefined, JSON.stringify(conditions));
      return found.message;
    },
    { timeoutMs: 60_000, describe: `${name} to say ${words}` },
  );
}

async function untilLogged({ world }: Scene, words: RegExp): Promise<void> {
  await eventually(
    async () => {
      assert.match(
        await world.sh('journalctl', '--no-pager', '-o', 'cat', '-u', 'nspawnd', '-n', '200'),
        words,
      );
      return true;
    },
    { timeoutMs: 60_000, describe: `nspawnd to say ${words}` },
  );
}
