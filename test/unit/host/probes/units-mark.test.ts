import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unitsMark } from '../../../../src/host/probes/units-mark.ts';

test('a mark stays as it is until a unit comes or goes, in a slice or in a slice of that', async t => {
  const cgroups = await mkdtemp(join(tmpdir(), 'nspawnd-cgroups-'));
  t.after(() => rm(cgroups, { recursive: true }));
  const system = join(cgroups, 'container@web.service/payload/system.slice');
  await mkdir(join(system, 'system-getty.slice'), { recursive: true });
  const marks = [unitsMark('web', null, cgroups)];
  const next = () => {
    const earlier = marks.at(-1) ?? null;
    const mark = unitsMark('web', earlier, cgroups);
    assert.equal(mark, unitsMark('web', null, cgroups));
    return mark;
  };
  assert.equal(next(), marks[0]);
  // By itself, and by what is known of it.
  for (const unit of [
    'a.service',
    'system-getty.slice/b.service',
    'system-new.slice',
    'system-new.slice/c.service',
  ]) {
    await mkdir(join(system, unit));
    marks.push(next());
    if (unit === 'system-new.slice') continue;
    await rmdir(join(system, unit));
    marks.push(next());
  }
  assert.equal(new Set(marks).size, marks.length, marks.join('\n'));
  assert.ok(!marks.includes(null));
});

test('where there are no such control groups there is no mark', () => {
  assert.equal(unitsMark('web', null, '/nowhere'), null);
});
