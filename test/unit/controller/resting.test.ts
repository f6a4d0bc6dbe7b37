import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Resting } from '../../../src/controller/resting.ts';
import type { Desired } from '../../../src/planning/desired.ts';

const RELIST_MS = 20_000;
const MOMENT_MS = 10_000;

/** Names, what is seen of them at a glance, and what is desired. */
class Scene {
  readonly glances = new Map([
    ['one', 'as it is'],
    ['two', 'as it is'],
  ]);
  readonly desired = new Map<string, Desired>();
  nowMs = 0;
  readonly resting = new Resting(
    { desired: name => this.#desiredOf(name) },
    { glance: async names => new Map([...this.glances].filter(([name]) => names.includes(name))) },
    MOMENT_MS,
    () => this.nowMs,
  );

  /** A re-list: who was looked at, each found at rest but those that are not. */
  async relist(restless: readonly string[] = [], afterMs = RELIST_MS): Promise<readonly string[]> {
    this.nowMs += afterMs;
    const awake = await this.resting.awake(['one', 'two']);
    for (const name of awake) this.resting.note(name, !restless.includes(name));
    return awake;
  }

  #desiredOf(name: string): Desired {
    const known = this.desired.get(name) ?? { state: 'absent' };
    this.desired.set(name, known);
    return known;
  }
}

suite('a re-list', () => {
  test('looks at everything once, and then leaves alone what is at rest', async () => {
    const scene = new Scene();
    assert.deepEqual(await scene.relist(), ['one', 'two']);
    assert.deepEqual(await scene.relist(), []);
  });

  test('looks at what is not at rest again and again', async () => {
    const scene = new Scene();
    for (let round = 0; round < 3; round++)
      assert.equal((await scene.relist(['two'])).includes('two'), true, `re-list ${round}`);
  });

  test('looks at what is seen to have changed, or whose manifest has, or of which nothing is seen', async () => {
    const scene = new Scene();
    await scene.relist();
    scene.glances.set('one', 'otherwise');
    assert.deepEqual(await scene.relist(), ['one']);
    scene.desired.set('two', { state: 'absent' });
    assert.deepEqual(await scene.relist(), ['two']);
    scene.glances.delete('two');
    assert.deepEqual(await scene.relist(), ['two']);
    assert.deepEqual(await scene.relist(), ['two']);
  });

  test('looks once more at what came back in between', async () => {
    const scene = new Scene();
    await scene.relist();
    scene.resting.note('one', true);
    assert.deepEqual(await scene.relist(), ['one']);
    assert.deepEqual(await scene.relist(), []);
  });

  test('leaves to the next one what was looked at a moment ago, unless it is seen to have changed', async () => {
    const scene = new Scene();
    await scene.relist();
    scene.nowMs += RELIST_MS - MOMENT_MS / 2;
    for (const name of ['one', 'two']) scene.resting.note(name, true);
    assert.deepEqual(await scene.relist([], MOMENT_MS / 2), []);
    assert.deepEqual(await scene.relist(), ['one', 'two']);
    scene.resting.note('two', true);
    scene.glances.set('one', 'otherwise');
    assert.deepEqual(await scene.relist([], MOMENT_MS / 2), ['one']);
    scene.resting.wakeAll();
    assert.deepEqual(await scene.relist([], MOMENT_MS / 2), ['one', 'two']);
  });

  test('looks at everything when anything may have changed', async () => {
    const scene = new Scene();
    await scene.relist();
    scene.resting.wakeAll();
    assert.deepEqual(await scene.relist(), ['one', 'two']);
  });

  test('leaves nothing alone for ever, and looks at one after the other', async () => {
    const scene = new Scene();
    await scene.relist();
    const looks: string[][] = [];
    for (let round = 0; round < 31; round++) looks.push([...(await scene.relist())]);
    assert.deepEqual(
      looks.filter(names => names.length > 0),
      [['two'], ['one']],
    );
  });
});
