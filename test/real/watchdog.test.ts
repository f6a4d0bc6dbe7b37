import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { sleeper, useWorld } from './world.ts';

const world = useWorld();

const DROP_IN = '/run/systemd/system/nspawnd.service.d/watchdog.conf';

const property = (name: string) => world.sh('systemctl', 'show', 'nspawnd', `--property=${name}`, '--value');

test('an nspawnd that hangs is ended by its watchdog and started again, and no container notices', async () => {
  await world.drop('web', sleeper());
  await world.untilReady('web');
  const run = await world.invocation('web');
  await world.host.writeFile(DROP_IN, '[Service]\nWatchdogSec=4s\nTimeoutAbortSec=1s\n');
  try {
    await world.sh('systemctl', 'daemon-reload');
    await world.sh('systemctl', 'restart', 'nspawnd');
    const pid = await property('MainPID');
    const fed = () => property('WatchdogTimestampMonotonic');
    for (let feeding = 0; feeding < 3; feeding++) {
      const before = await fed();
      await eventually(async () => (await fed()) !== before, { timeoutMs: 10_000, describe: 'a feeding' });
    }
    assert.equal(await property('MainPID'), pid);

    await world.sh('kill', '-STOP', pid);
    await eventually(
      async () => (await property('ActiveState')) === 'active' && (await property('MainPID')) !== pid,
      { timeoutMs: 60_000, describe: 'another nspawnd' },
    );
    assert.match(await world.sh('journalctl', '--unit=nspawnd', '--output=cat'), /[Ww]atchdog timeout/);
    assert.equal(await world.invocation('web'), run);
    await world.untilReady('web');
  } finally {
    await world.sh('rm', DROP_IN);
    await world.sh('systemctl', 'daemon-reload');
    await world.sh('systemctl', 'restart', 'nspawnd');
  }
});
