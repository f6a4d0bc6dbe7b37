import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sortUsage, USAGE_HEADER, usageBetween, usageList, usageRow } from '../../../src/cli/view/usage.ts';
import { parseUnits, type UsageSample } from '../../../src/host/usage.ts';
import { paintPlain } from '../../../src/view/paint.ts';
import { formatTable } from '../../../src/view/table.ts';

const BEFORE: UsageSample = {
  name: 'web',
  invocation: 'a',
  at: 1_000,
  cpuUsec: 500_000,
  memoryBytes: 64 * 1024 * 1024,
  tasks: 12,
  receivedBytes: 1_000,
  sentBytes: 0,
};
const AFTER: UsageSample = {
  ...BEFORE,
  at: 3_000,
  cpuUsec: 1_000_000,
  receivedBytes: 1_000 + 4_096,
  sentBytes: 3_000_000,
};

function rows(before: readonly UsageSample[], after: readonly UsageSample[]): string {
  return formatTable([USAGE_HEADER, ...usageBetween(before, after).map(usageRow)], paintPlain);
}

describe('what containers use', () => {
  it('is counted between two looks', () => {
    assert.equal(
      rows([BEFORE], [AFTER]),
      'NAME   CPU     MEMORY   TASKS   RECEIVED    SENT\nweb    25.0%   64 MiB   12      2.0 KiB/s   1.4 MiB/s\n',
    );
  });

  it('is not known of one look, of another run, and of what has no counters', () => {
    const unknown = 'web    -     64 MiB   12      -          -\n';
    assert.ok(rows([], [AFTER]).endsWith(unknown));
    assert.ok(rows([BEFORE], [{ ...AFTER, invocation: 'b' }]).endsWith(unknown));
    const none = { cpuUsec: null, memoryBytes: null, tasks: null, receivedBytes: null, sentBytes: null };
    assert.match(rows([BEFORE], [{ ...AFTER, ...none }]), /^web +- +- +- +- +-$/m);
  });

  it('is never less than nothing: a link may have been made anew', () => {
    const [usage] = usageBetween([BEFORE], [{ ...AFTER, receivedBytes: 10 }]);
    assert.equal(usage?.receivedBytesPerSec, 0);
  });

  it('leaves out what has ended', () => {
    assert.deepEqual(usageBetween([BEFORE], []), []);
  });

  it('is sorted by name, or by who uses most', () => {
    const usage = (name: string, cpuCores: number | null, memoryBytes: number) => ({
      name,
      cpuCores,
      memoryBytes,
      tasks: 1,
      receivedBytesPerSec: null,
      sentBytesPerSec: null,
    });
    const all = [usage('b', 1, 1), usage('a', 1, 3), usage('d', null, 2), usage('c', 2, 0)];
    const order = (by: 'name' | 'cpu' | 'memory') =>
      sortUsage(all, by)
        .map(({ name }) => name)
        .join('');
    assert.deepEqual([order('name'), order('cpu'), order('memory')], ['abcd', 'cabd', 'adbc']);
  });

  it('is a list for programs', () => {
    assert.deepEqual(usageList(usageBetween([BEFORE], [AFTER])), {
      kind: 'ContainerUsageList',
      apiVersion: 'nspawnd.io/v1alpha1',
      metadata: {},
      items: [
        {
          metadata: { name: 'web' },
          usage: {
            cpuCores: 0.25,
            memoryBytes: 67_108_864,
            tasks: 12,
            receivedBytesPerSec: 2_048,
            sentBytesPerSec: 1_500_000,
          },
        },
      ],
    });
  });
});

describe('where containers run', () => {
  it('is what systemd says of those that do', () => {
    const text = [
      'ControlGroup=/machine.slice/container@web.service\nId=container@web.service\nInvocationID=ab12',
      'Id=container@down.service\nControlGroup=\nInvocationID=',
      'Id=other.service\nControlGroup=/system.slice/other.service',
    ].join('\n\n');
    assert.deepEqual(parseUnits(text), [
      { name: 'web', controlGroup: '/machine.slice/container@web.service', invocation: 'ab12' },
    ]);
    assert.deepEqual(parseUnits(''), []);
  });
});
