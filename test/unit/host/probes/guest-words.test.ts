import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitGroup } from '../../../../src/host/guest-place.ts';
import { failedUnitsIn } from '../../../../src/host/probes/failed-units.ts';

test('failed units are names of units, so many of them, and the rest is counted', () => {
  assert.deepEqual(failedUnitsIn(''), { names: [], more: 0 });
  assert.deepEqual(
    failedUnitsIn(
      'a.service loaded failed failed A thing\n  dev-sda\\x2d1.mount loaded failed failed /dev\n',
    ),
    { names: ['a.service', 'dev-sda\\x2d1.mount'], more: 0 },
  );
  const hostile = `\u001b[31mred.service x\n${'x'.repeat(300)}.service\nb.service; rm\nc.service\n`;
  assert.deepEqual(failedUnitsIn(hostile), { names: ['c.service'], more: 3 });
  const many = Array.from({ length: 5000 }, (_, index) => `u${index}.service x`).join('\n');
  assert.deepEqual([failedUnitsIn(many).names.length, failedUnitsIn(many).more], [10, 4990]);
});

test('the control group of a unit is found from that of its process, and only where it is there', () => {
  const of = (path: string) => unitGroup(`3:cpu:/x\n0::${path}\n`, 'web');
  assert.equal(of('/machine.slice/container@web.service/supervisor'), '/machine.slice/container@web.service');
  assert.equal(of('/machine.slice/container\\x40web.service'), '/machine.slice/container\\x40web.service');
  assert.equal(of('/machine.slice/container@web2.service/supervisor'), null);
  assert.equal(of('/../container@web.service'), null);
  assert.equal(unitGroup('3:cpu:/container@web.service\n', 'web'), null);
});
