import assert from 'node:assert/strict';
import { release } from 'node:os';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { guest, sleeper, useWorld } from './world.ts';

/** A limit of the kernel that is a test host's own: that of processes is since Linux 6.14; before, it is the machine's. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const skip = major > 6 || (major === 6 && minor >= 14) ? false : 'it would be of the whole machine';
const world = useWorld();

test('a guest for which no process can be started is told with the limit, and starts when there is room', {
  skip,
}, async () => {
  await world.drop('first', sleeper());
  await world.untilReady('first');
  const run = await world.invocation('first');
  // With none its end cannot even be recorded; with one, nspawn begins.
  for (const free of ['0', '1']) {
    await whileFull(free, async () => {
      await world.drop('second', guest());
      const { message } = await world.until('second', 'HostReady', 'False', 'ProcessLimit');
      assert.match(message, /kernel\.pid_max.*Resource temporarily unavailable$/);
      await world.until('second', 'Ready', 'False');
    });
    await world.untilReady('second');
    assert.equal(await world.condition('second', 'HostReady'), undefined);
    await world.remove('second');
    await world.untilGone('second');
  }
  assert.equal(await world.invocation('first'), run);
});

test('the doctor names a limit that is too low', { skip }, async () => {
  const set = (limit: string) => world.sh('unshare', '--mount', 'sh', '-ec', SET_LIMIT, 'set', limit);
  await set('5000');
  try {
    const { stdout } = await world.ctl('doctor');
    assert.match(
      stdout.replace(/\s+/g, ' '),
      /warn limits kernel\.pid_max is 5000: .* sysctl -w kernel\.pid_max=/,
    );
  } finally {
    await set(NO_LIMIT);
  }
});

/** While the host may have only so many processes more. Nothing else can be run in it then. */
async function whileFull(free: string, act: () => Promise<void>): Promise<void> {
  const argv = ['unshare', '--mount', 'sh', '-c', TAKE_ALL, 'take-all', '600', free, NO_LIMIT];
  const taker = world.host.spawn(argv, { reject: false, stdin: 'pipe', buffer: false });
  let said = '';
  taker.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await eventually(() => said.includes('full'), { timeoutMs: 60_000, describe: 'the host to be full' });
    await act();
  } finally {
    taker.stdin?.end();
    await taker;
  }
}

const NO_LIMIT = '4194304';

/** The /proc/sys that the host sees is read-only. */
const SET_LIMIT = 'mount -t proc proc /proc; echo "$1" >/proc/sys/kernel/pid_max';

/** Takes all processes but `$2` that may be had with the limit `$1`, until its input ends; then the limit is `$3`. */
const TAKE_ALL = `
  ${SET_LIMIT}
  # Numbers below 300 are given out once only.
  number=0
  while [ $number -lt 400 ]; do (:); number=$((number + 1)); done
  # A shell that cannot fork ends.
  (while :; do sleep infinity & echo $!; done) >/run/taken 2>/dev/null
  free=$2
  while [ $free -gt 0 ] && read -r pid; do kill $pid; free=$((free - 1)); done </run/taken
  echo full
  read -r _
  while read -r pid; do kill $pid; done </run/taken
  echo "$3" >/proc/sys/kernel/pid_max`;
