import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { afterLaunch } from '../../../src/host/history.ts';
import { Records } from '../../../src/host/records.ts';
import { NO_HISTORY, type Request } from '../../../src/planning/observed.ts';
import { scratch } from './scratch.ts';

const REQUEST: Request = { verb: 'stop', invocationId: 'run-1', reason: 'nspawnctl stop', at: 5000 };

async function fresh(context: TestContext): Promise<{ records: Records; directory: string }> {
  const directory = await scratch(context);
  return { records: new Records(directory, `${directory}/state`), directory };
}

/** A record as the unit's ExecStopPost= writes it. */
async function endedOf(context: TestContext, text: string) {
  const { records } = await fresh(context);
  await mkdir(records.endedDirectory());
  await writeFile(join(records.endedDirectory(), 'web'), text);
  return records.ended('web');
}

test('nothing was recorded; nothing is found', async context => {
  const { records } = await fresh(context);
  assert.equal(await records.ended('web'), null);
  assert.equal(await records.request('web'), null);
  assert.equal(await records.memory('web'), null);
  assert.deepEqual(await records.history('web'), NO_HISTORY);
  assert.deepEqual(await records.names(), []);
});

test('what is put is found again, by another nspawnd too', async context => {
  const { records, directory } = await fresh(context);
  const history = afterLaunch(NO_HISTORY, 1000, 'v1-a', 'restart');
  await records.putRequest('web', REQUEST);
  await records.putHistory('web', history);
  await records.putMemory('web', '{}');
  const other = new Records(directory, `${directory}/state`);
  assert.deepEqual(await other.request('web'), REQUEST);
  assert.deepEqual(await other.history('web'), history);
  assert.equal(await other.memory('web'), '{}');
  assert.equal(await other.hasMemory('web'), true);
  assert.deepEqual(await other.names(), ['web']);
});

test('only root can read them', async context => {
  const { records, directory } = await fresh(context);
  await records.putRequest('web', REQUEST);
  assert.equal((await stat(join(directory, 'requests'))).mode & 0o777, 0o700);
  assert.equal((await stat(join(directory, 'requests/web'))).mode & 0o777, 0o600);
});

test('forgetting leaves nothing, and may be done twice', async context => {
  const { records, directory } = await fresh(context);
  await records.putRequest('web', REQUEST);
  await records.putHistory('web', NO_HISTORY);
  await records.putMemory('web', '{}');
  await records.putStopped('web', 'v1-a');
  await records.putHistory('db', NO_HISTORY);
  await records.forget('web');
  await records.forget('web');
  assert.deepEqual(await records.names(), ['db']);
  assert.equal(await records.hasMemory('web'), false);
  for (const kind of ['requests', 'ended']) assert.deepEqual(await readdir(join(directory, kind)), []);
});

test('what people were told of a name proves no container, and is found to be cleared away', async context => {
  const { records, directory } = await fresh(context);
  await records.putMemory('web', '{}');
  await mkdir(join(directory, 'probed'));
  await writeFile(join(directory, 'probed/db'), '{}');
  await writeFile(join(directory, 'memory/.db.123'), '');
  assert.deepEqual(await records.names(), []);
  assert.deepEqual([...(await records.remembered())].sort(), ['db', 'web']);
  assert.equal(await records.hasMemory('db'), true);
  await records.forget('web');
  await records.forget('db');
  assert.deepEqual(await records.remembered(), []);
});

test('a switch that ended when its container was gone leaves something to be cleared away', async context => {
  const { records } = await fresh(context);
  await records.putUpdate('web', { mode: 'build', generation: null, at: 1, isTaken: false });
  assert.deepEqual(await records.names(), ['web']);
  assert.equal(await records.hasMemory('web'), true);
  await records.forget('web');
  assert.equal(await records.hasMemory('web'), false);
});

test('a file that is just being written aside is no name', async context => {
  const { records, directory } = await fresh(context);
  await records.putHistory('web', NO_HISTORY);
  await writeFile(join(directory, 'history/.web.123'), '');
  await writeFile(join(directory, 'history/web.123.4.tmp'), '');
  assert.deepEqual(await records.names(), ['web']);
});

describe('the record of an end', () => {
  const TEXT = 'invocation=abc\nspec=v1-a\nrequested=no\nresult=exit-code\ncode=exited\nstatus=1\n';
  test('is read as the unit writes it', async context => {
    const { at, ...ended } = (await endedOf(context, TEXT)) ?? { at: 0 };
    assert.ok(at > 0);
    assert.deepEqual(ended, {
      invocationId: 'abc',
      specHash: 'v1-a',
      isRequested: false,
      result: 'exit-code',
      exitCode: 'exited',
      exitStatus: '1',
    });
  });
  test('may lack a code and a status: it could not be started', async context => {
    const ended = await endedOf(context, TEXT.replace('exited', '').replace('status=1', 'status='));
    assert.deepEqual([ended?.exitCode, ended?.exitStatus], ['', '']);
  });
  test('of a stop that was asked for says so', async context => {
    assert.equal((await endedOf(context, TEXT.replace('=no', '=yes')))?.isRequested, true);
  });
  test('of a stop of what was down is one that was asked for', async context => {
    const { records } = await fresh(context);
    await records.putStopped('web', 'v1-a');
    const ended = await records.ended('web');
    assert.deepEqual([ended?.isRequested, ended?.specHash], [true, 'v1-a']);
    await records.removeEnded('web');
    await records.removeEnded('web');
    assert.equal(await records.ended('web'), null);
  });
  test('that there was no space for says that it ended, and nothing else', async context => {
    for (const text of ['', TEXT.slice(0, 40), TEXT.replace('abc', 'a'.repeat(300))]) {
      const { at, ...ended } = (await endedOf(context, text)) ?? { at: 0 };
      assert.ok(at > 0);
      assert.deepEqual(ended, {
        ...{ invocationId: `unrecorded-${at}`, specHash: '', isRequested: false },
        ...{ result: 'unrecorded', exitCode: '', exitStatus: '' },
      });
    }
  });
});

describe('a file that cannot be understood counts as not there:', () => {
  const damaged: Readonly<Record<string, string>> = {
    empty: '',
    'cut off': '{"verb":"st',
    'of another shape': '{"verb":"dance","invocationId":"","reason":"","at":1}',
    'a list': '[]',
  };
  for (const [what, text] of Object.entries(damaged)) {
    test(what, async context => {
      const { records, directory } = await fresh(context);
      for (const kind of ['requests', 'history']) {
        await mkdir(join(directory, kind));
        await writeFile(join(directory, kind, 'web'), text);
      }
      assert.equal(await records.request('web'), null);
      assert.deepEqual(await records.history('web'), NO_HISTORY);
    });
  }
});
