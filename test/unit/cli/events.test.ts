import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EventObject } from '../../../src/api/event.ts';
import { eventually } from '../../testbed/eventually.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { bundle, type Command, NOW, nspawnctl } from './nspawnctl.ts';

const ago = (ms: number) => new Date(NOW - ms).toISOString();

function happened(name: string, reason: string, more: Partial<EventObject> = {}): EventObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name}.${reason.toLowerCase()}`,
      namespace: 'default',
      uid: 'u',
      resourceVersion: '',
      creationTimestamp: ago(60_000),
    },
    involvedObject: { apiVersion: 'nspawnd.io/v1alpha1', kind: 'Container', name, uid: 'u' },
    type: 'Normal',
    reason,
    message: `${reason} it`,
    count: 1,
    firstTimestamp: ago(60_000),
    lastTimestamp: ago(60_000),
    source: { component: 'nspawnd' },
    reportingComponent: 'nspawnd',
    reportingInstance: '',
    ...more,
  };
}

function model(): ControlModel {
  const control = new ControlModel();
  control.putRunning('web');
  control.putRunning('database');
  control.putRunning('quiet');
  control.record(
    happened('web', 'Failed', {
      type: 'Warning',
      count: 4,
      lastTimestamp: ago(5_000),
      message: 'a\u001b[2J\nb',
    }),
  );
  control.record(happened('database', 'Starting', { lastTimestamp: ago(30_000) }));
  return control;
}

describe('events', () => {
  it('are a table of all containers, the newest last, and none of it moves a cursor', async t => {
    const { rootSocket } = await serve(t, { control: model() });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'events']);
    assert.equal(code, 0);
    assert.equal(
      out,
      `LAST SEEN          TYPE      REASON     OBJECT               MESSAGE
30s                Normal    Starting   container/database   Starting it
5s (x4 over 60s)   Warning   Failed     container/web        a\\x1b[2J
                                                             b
`,
    );
  });

  it('are those of the containers and types that are asked for', async t => {
    const { rootSocket } = await serve(t, { control: model() });
    const events = (...args: readonly string[]) => nspawnctl(['--socket', rootSocket, 'events', ...args]);
    const reasons = async (...args: readonly string[]) =>
      JSON.parse((await events('-o', 'json', ...args)).out).items.map(({ reason }: EventObject) => reason);
    assert.deepEqual(await reasons(), ['Starting', 'Failed']);
    assert.deepEqual(await reasons('web'), ['Failed']);
    assert.deepEqual(await reasons('container/web', 'database'), ['Starting', 'Failed']);
    assert.deepEqual(await reasons('--types', 'Warning'), ['Failed']);
    assert.deepEqual(await reasons('--types', 'normal,Warning'), ['Starting', 'Failed']);
    assert.equal((await events('--types', 'Bad')).code, 2);
    const none = await events('quiet');
    assert.deepEqual([none.code, none.out, none.err], [0, '', 'No events found.\n']);
    const missing = await events('wbe');
    assert.equal(missing.code, 66);
    assert.match(missing.err, /did you mean web/);
    assert.match((await events('-o', 'yaml', 'web')).out, /^kind: EventList$/m);
  });
});

describe('events -w', () => {
  let command: Command;
  before(async () => {
    command = await bundle();
  });
  after(() => command.remove());

  it('goes on with what happens, each once, and again when it happens again, also across a restart', async t => {
    const control = model();
    const serving = await serve(t, { control });
    const running = command.start(['--socket', serving.rootSocket, 'events', '-w', 'web']);
    const lines = () =>
      running
        .out()
        .split('\n')
        .filter(line => line !== '');
    await eventually(() => lines().length === 3);
    control.record(happened('database', 'Ready'));
    control.record(happened('web', 'Starting', { lastTimestamp: ago(1_000) }));
    await eventually(() => /Starting/.test(running.out()));
    control.record(happened('web', 'Starting', { count: 2, lastTimestamp: ago(0) }));
    await eventually(() => lines().length === 5);
    await serving.server.close();
    await eventually(() => /waiting for nspawnd/.test(running.err()));
    control.record(happened('web', 'Stopped', { lastTimestamp: ago(0) }));
    await serve(t, { control, directory: serving.directory });
    await eventually(() => /Stopped/.test(running.out()));
    assert.equal(lines().length, 6);
    assert.doesNotMatch(running.out(), /database/);
    running.child.kill('SIGINT');
    assert.equal((await running.ended).signal, 'SIGINT');
  });
});
