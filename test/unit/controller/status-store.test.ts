import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container } from '../../../src/api/container.ts';
import type { ContainerChange } from '../../../src/controller/ports.ts';
import { StatusStore } from '../../../src/controller/status-store.ts';

const FACT = { type: 'Normal', reason: 'Ready', message: 'it is ready' } as const;
const NOW = '2026-01-02T03:04:05.000Z';

function containerOf(name: string, phase: Container['status']['phase'] = 'Running'): Container {
  return {
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name, uid: name, generation: 1, resourceVersion: '', creationTimestamp: NOW },
    spec: {},
    status: { observedGeneration: 1, phase, conditions: [], restarts: 0, addresses: [], unit: 'u' },
  };
}

/** A store with what it saved and what its watchers heard. */
function watchedStore() {
  const saved: [string, string][] = [];
  const heard: ContainerChange[] = [];
  const store = new StatusStore(async (name, memory) => void saved.push([name, memory]));
  const unwatch = store.watch(change => heard.push(change));
  return { store, saved, heard, unwatch };
}

const lines = (heard: readonly ContainerChange[]) =>
  heard.map(({ type, object }) => `${type} ${object.metadata.name} ${object.status.phase}`);

test('a status that is new is added, and one that differs is modified', async () => {
  const { store, heard } = watchedStore();
  await store.put(containerOf('web', 'Starting'));
  await store.put(containerOf('web', 'Running'));
  assert.deepEqual(lines(heard), ['ADDED web Starting', 'MODIFIED web Running']);
});

test('a status without a difference is heard by nobody and saved once', async () => {
  const { store, heard, saved } = watchedStore();
  await store.put(containerOf('web'));
  const known = store.get('web');
  assert.ok(known !== null);
  await store.put(known);
  await store.put(structuredClone(known));
  assert.equal(heard.length, 1);
  assert.equal(saved.length, 1);
});

test('the resource version ascends with every change, also with a deletion and across a restart', async () => {
  const { store, heard } = watchedStore();
  await store.put(containerOf('web'));
  await store.put(containerOf('db'));
  store.delete('web');
  const versions = heard.map(({ object }) => Number(object.metadata.resourceVersion));
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  );
  assert.equal(new Set(versions).size, 3);
  assert.equal(store.resourceVersion(), String(versions.at(-1)));
  assert.ok(Number.isSafeInteger(versions[0]));
});

test('the list is sorted by name', async () => {
  const { store } = watchedStore();
  for (const name of ['web', 'app', 'db']) await store.put(containerOf(name));
  assert.deepEqual(
    store.list().map(({ metadata }) => metadata.name),
    ['app', 'db', 'web'],
  );
});

test('who no longer watches hears nothing', async () => {
  const { store, heard, unwatch } = watchedStore();
  unwatch();
  await store.put(containerOf('web'));
  assert.deepEqual(heard, []);
});

test('a deletion is heard once, and what was known is gone', async () => {
  const { store, heard } = watchedStore();
  await store.put(containerOf('web'));
  await store.record('web', FACT, NOW);
  store.delete('web');
  store.delete('web');
  assert.deepEqual(lines(heard), ['ADDED web Running', 'DELETED web Running']);
  assert.equal(store.describe('web'), null);
  assert.equal(store.isKnown('web'), false);
});

describe('the memory', () => {
  async function remembered(): Promise<string> {
    const { store, saved } = watchedStore();
    await store.put(containerOf('web'));
    await store.record('web', FACT, NOW);
    return saved.at(-1)?.[1] ?? '';
  }

  test('brings back the status and the events after a restart', async () => {
    const memory = await remembered();
    const { store } = watchedStore();
    store.restore('web', memory);
    assert.equal(store.get('web')?.status.phase, 'Running');
    assert.equal(store.describe('web')?.events[0]?.reason, 'Ready');
    assert.ok(store.isKnown('web'));
  });
  test('counts a repetition on across a restart', async () => {
    const memory = await remembered();
    const { store } = watchedStore();
    store.restore('web', memory);
    await store.record('web', FACT, '2026-01-03T00:00:00.000Z');
    assert.equal(store.describe('web')?.events[0]?.count, 2);
  });
  test('does not overwrite what is known by now', async () => {
    const memory = await remembered();
    const { store } = watchedStore();
    await store.put(containerOf('web', 'Stopped'));
    store.restore('web', memory);
    assert.equal(store.get('web')?.status.phase, 'Stopped');
  });

  const damaged: Readonly<Record<string, string | null>> = {
    'that is not there': null,
    'that is empty': '',
    'that was cut off': '{"container":{"metadata":{"na',
    'that is not an object': '[]',
    'of null': 'null',
    'of another container': JSON.stringify({ container: { metadata: { name: 'db' }, status: {} } }),
    'of a status of another version': JSON.stringify({
      container: { metadata: { name: 'web' }, status: {} },
    }),
    'without a status': JSON.stringify({ container: { metadata: { name: 'web' } } }),
    'of events of another shape': JSON.stringify({ events: [null, 1, {}] }),
  };
  for (const [what, memory] of Object.entries(damaged)) {
    test(`${what} is forgotten`, async () => {
      const { store } = watchedStore();
      store.restore('web', memory);
      assert.equal(store.get('web'), null);
      await store.record('web', FACT, NOW);
      assert.equal(store.list().length, 0);
    });
  }
});
