import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelLimitIn } from '../../../src/planning/kernel-limit.ts';

const LINES = {
  ProcessLimit: [
    'clone() failed: Resource temporarily unavailable',
    "container@web.service: Failed to spawn 'start' task: Resource temporarily unavailable",
    'ip -batch -: no answer within 10005 ms: bash: fork: retry: Resource temporarily unavailable',
    'Command failed with EAGAIN: ip -batch -\nspawn ip EAGAIN',
  ],
  NamespaceLimit: [
    'ip -batch -: Failed to create a new network namespace "web": No space left on device',
    'clone() failed: No space left on device',
  ],
};

const OTHERS = [
  '',
  'cp: error writing /var/x: No space left on device',
  'systemd-journald: Failed to write entry: No space left on device',
  'connect: Resource temporarily unavailable',
  'the fork of that project',
];

test('a limit is known by the words of what could not be done, and told with them', () => {
  for (const [reason, lines] of Object.entries(LINES))
    for (const line of lines) {
      const limit = kernelLimitIn(`it exited; its last lines:\n  before\n  ${line}\n  after`);
      assert.equal(limit?.reason, reason, line);
      assert.ok(limit?.message.endsWith(line.split('\n').at(-1) ?? ''), limit?.message);
    }
});

test('a full disk and the like are no limit of the kernel', () => {
  for (const line of OTHERS) assert.equal(kernelLimitIn(line), null, line);
});
