import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LastWords } from '../../../src/host/last-words.ts';

const RECORD = {
  invocationId: 'a1',
  specHash: 'v1-0',
  isRequested: false,
  result: 'exit-code',
  exitCode: 'exited',
  exitStatus: '1',
  at: 1,
};

suite('the last words of a run', () => {
  test('are asked for as soon as its record is read, and once for two who want them', async () => {
    const asked: string[] = [];
    const words = new LastWords(async invocationId => {
      asked.push(invocationId);
      return ['it broke'];
    });
    const record = await words.ahead(Promise.resolve(RECORD));
    assert.deepEqual(asked, ['a1']);
    assert.deepEqual(await words.of(record, false), { ...RECORD, lastLines: ['it broke'] });
    assert.deepEqual(await words.of(record, false), { ...RECORD, lastLines: ['it broke'] });
    assert.deepEqual(asked, ['a1']);
  });

  test('are asked for again while there are none, also when the journal cannot be read', async () => {
    const answers = [() => Promise.reject(new Error('no journal')), async () => [], async () => ['late']];
    const words = new LastWords(() => (answers.shift() ?? (async () => []))());
    const heard: unknown[] = [];
    for (let look = 0; look < 4; look++) heard.push((await words.of(RECORD, false))?.lastLines);
    assert.deepEqual(heard, [[], [], ['late'], ['late']]);
  });

  test('of one that left no record are asked for where systemd says that it failed', async () => {
    const words = new LastWords(async () => ['it broke', 'and so did this']);
    assert.equal(await words.ofFailed({ activeState: 'failed', invocationId: 'a1' }), 'it broke');
    assert.equal(await words.ofFailed({ activeState: 'inactive', invocationId: 'a1' }), '');
  });

  test('of one that runs, or was asked to stop, nobody asks', async () => {
    const words = new LastWords(() => assert.fail('asked'));
    const stopped = await words.ahead(Promise.resolve({ ...RECORD, isRequested: true }));
    assert.deepEqual((await words.of(stopped, false))?.lastLines, []);
    assert.deepEqual((await words.of(RECORD, true))?.lastLines, []);
    assert.equal(await words.ahead(Promise.resolve(null)), null);
  });
});
