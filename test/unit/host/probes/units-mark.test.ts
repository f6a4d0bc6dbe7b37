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
  const marks = [unitsMark('web', cgroups)];
  assert.equal(unitsMark('web', cgroups), marks[0]);
  for (const unit of ['a.service', 'system-getty.slice/b.service']) {
    await mkdir(join(system, unit));
    marks.push(unitsMark('web', cgroups));
    await rmdir(join(system, unit));
    marks.push(unitsMark('web', cgroups));
  }
  assert.equal(new Set(marks).size, marks.length, marks.join('\n'));
  assert.ok(!marks.includes(null));
});

test('where there are no such control groups there is no mark', () => {
  assert.equal(unitsMark('web', '/nowhere'), null);
});
