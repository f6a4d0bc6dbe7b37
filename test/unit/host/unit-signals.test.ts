import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOOT_MS, BURST_MS } from '../../../src/host/news.ts';
import { UnitSignals } from '../../../src/host/unit-signals.ts';

const MANAGER = '/org/freedesktop/systemd1';
const UNIT = `${MANAGER}/unit/container_40web_2ddb_2eservice`;

function changed(path: string, properties: Readonly<Record<string, unknown>>) {
  const body = Object.entries(properties).map(([name, value]) => [name, { value }] as const);
  return {
    path,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'PropertiesChanged',
    body: ['org.freedesktop.systemd1.Unit', Object.fromEntries(body), []],
  };
}

function removed(unit: string, result: string) {
  const body = [7, `${MANAGER}/job/7`, unit, result];
  return { path: MANAGER, interface: 'org.freedesktop.systemd1.Manager', member: 'JobRemoved', body };
}

test('a signal is news when what is asked for has changed, and urgent when somebody waits for it', () => {
  const signals = new UnitSignals();
  const says = (properties: Readonly<Record<string, unknown>>) => signals.read(changed(UNIT, properties));
  const within = (withinMs: number) => ({ name: 'web-db', withinMs });
  const inactive = { ActiveState: 'inactive', SubState: 'dead', Job: [7, '/'] };
  assert.deepEqual(
    says(inactive),
    within(BOOT_MS),
    'about to start, or stopped, and then its job will be said to be done',
  );
  const starting = { ActiveState: 'activating', SubState: 'start', Job: [7, '/'] };
  assert.deepEqual(says(starting), within(BOOT_MS));
  assert.equal(says({ ...starting, StatusText: 'Container running' }), undefined);
  const running = { ActiveState: 'active', SubState: 'running', Job: [0, '/'] };
  assert.deepEqual(says({ ...running, Job: [7, '/'] }), within(BURST_MS), 'its job will be said to be done');
  assert.deepEqual(says(running), within(0));
  assert.equal(says(running), undefined);
  assert.deepEqual(says({ ...running, ActiveState: 'deactivating' }), within(BURST_MS));
  assert.deepEqual(says({ ...running, ActiveState: 'failed' }), within(0));
});

test('after signals may have been missed, the next one is news again', () => {
  const signals = new UnitSignals();
  const running = changed(UNIT, { ActiveState: 'active' });
  signals.read(running);
  signals.forget();
  assert.deepEqual(signals.read(running), { name: 'web-db', withinMs: 0 });
});

test('a job that was taken back or failed is news, since its unit may not change; one that was done shows there', () => {
  const signals = new UnitSignals();
  for (const result of ['canceled', 'dependency', 'timeout', 'failed'])
    assert.deepEqual(signals.read(removed('container@web.service', result)), { name: 'web', withinMs: 0 });
  assert.equal(signals.read(removed('container@web.service', 'done')), undefined);
});

test('a reload that is over is about all; what is no container of ours is about none', () => {
  const signals = new UnitSignals();
  const reloading = (isActive: boolean) => ({ ...removed('', ''), member: 'Reloading', body: [isActive] });
  assert.deepEqual(signals.read(reloading(false)), { name: null, withinMs: 0 });
  assert.equal(signals.read(reloading(true)), undefined);
  assert.equal(signals.read(changed(`${MANAGER}/unit/ssh_2eservice`, { ActiveState: 'active' })), undefined);
  assert.equal(signals.read(removed('ssh.service', 'failed')), undefined);
});

test('the former unit of a container, and the one that builds its system, speak of it', () => {
  const signals = new UnitSignals();
  for (const unit of ['systemd_2dnspawn_40web_2eservice', 'nspawnd_2dbuild_40web_2eservice'])
    assert.equal(signals.read(changed(`${MANAGER}/unit/${unit}`, { ActiveState: 'active' }))?.name, 'web');
});
