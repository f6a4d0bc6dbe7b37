import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { StartFifos } from '../../../src/host/start-fifo.ts';
import { eventually } from '../../testbed/eventually.ts';
import { scratch } from './scratch.ts';

interface Place {
  readonly fifos: StartFifos;
  readonly started: string[];
  readonly directory: string;
}

async function place(context: TestContext, invocationId = 'run-1', directory?: string): Promise<Place> {
  const started: string[] = [];
  const where = directory ?? (await scratch(context));
  const fifos = new StartFifos(
    where,
    async () => invocationId,
    name => started.push(name),
  );
  context.after(() => fifos.stop());
  return { fifos, started, directory: where };
}

/** As a guest does it: a shell that writes a line, and hangs as long as nobody listens. */
function writeTo(path: string): { readonly ended: Promise<unknown>; hasEnded(): boolean; kill(): void } {
  const child = spawn('sh', ['-c', 'echo up > "$1"', 'sh', path], { stdio: 'ignore' });
  let isOver = false;
  const ended = once(child, 'exit').then(() => {
    isOver = true;
  });
  return { ended, hasEnded: () => isOver, kill: () => child.kill('SIGKILL') };
}

/** Time for what is under way without a timer. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve));
}

test('a FIFO is made for root alone, and is listened to', async context => {
  const { fifos } = await place(context);
  await fifos.create('web');
  const stat = await lstat(fifos.path('web'));
  assert.ok(stat.isFIFO());
  assert.equal(stat.mode & 0o777, 0o600);
  assert.deepEqual(await fifos.observe('web'), { exists: true, isListening: true, startedInvocationId: '' });
});

test('what a guest writes is on disk with its run, and somebody is told', async context => {
  const { fifos, started } = await place(context);
  await fifos.create('web');
  await writeTo(fifos.path('web')).ended;
  await eventually(() => started.length > 0);
  assert.deepEqual(started, ['web']);
  assert.deepEqual(await fifos.observe('web'), {
    exists: true,
    isListening: false,
    startedInvocationId: 'run-1',
  });
});

test('a restarted nspawnd knows who has written', async context => {
  const { fifos, started, directory } = await place(context);
  await fifos.create('web');
  await writeTo(fifos.path('web')).ended;
  await eventually(() => started.length > 0);
  const other = await place(context, 'run-2', directory);
  assert.equal((await other.fifos.observe('web')).startedInvocationId, 'run-1');
});

test('what was read by an nspawnd that was killed before it could put it on disk is known all the same', async context => {
  const { fifos, directory } = await place(context);
  await fifos.create('web');
  fifos.stop();
  const guest = writeTo(fifos.path('web'));
  execFileSync('head', ['-n', '1', fifos.path('web')]);
  await guest.ended;
  const next = await place(context, 'run-1', directory);
  assert.deepEqual(await next.fifos.observe('web'), {
    exists: true,
    isListening: false,
    startedInvocationId: 'run-1',
  });
});

test('a guest that wrote while nobody listened is heard by the next who does', async context => {
  const { fifos, directory } = await place(context);
  await fifos.create('web');
  fifos.stop();
  const guest = writeTo(fifos.path('web'));
  context.after(() => guest.kill());
  const next = await place(context, 'run-1', directory);
  assert.equal((await next.fifos.observe('web')).isListening, false);
  await next.fifos.listen('web');
  await eventually(() => next.started.length > 0);
  await guest.ended;
  assert.equal((await next.fifos.observe('web')).startedInvocationId, 'run-1');
});

test('what a guest writes while nothing can be put on disk, or nobody knows its run, is heard, and on disk once that is over', async context => {
  const { fifos, started, directory } = await place(context);
  await fifos.create('web');
  // No room for a file of this name, as on a disk that is full.
  await mkdir(`${fifos.path('web')}.started`);
  await writeTo(fifos.path('web')).ended;
  await eventually(() => started.length > 0);
  assert.equal((await fifos.observe('web')).startedInvocationId, 'run-1');
  await rmdir(`${fifos.path('web')}.started`);
  const other = await place(context, 'run-2', directory);
  await eventually(async () => (await other.fifos.observe('web')).startedInvocationId === 'run-1');

  let isBusAway = true;
  const identify = async () => {
    if (isBusAway) throw new Error('the bus is away');
    return 'run-3';
  };
  const lonely = new StartFifos(await scratch(context), identify, name => started.push(name));
  context.after(() => lonely.stop());
  await lonely.create('db');
  await writeTo(lonely.path('db')).ended;
  await eventually(() => started.includes('db'));
  isBusAway = false;
  await eventually(async () => (await readFile(`${lonely.path('db')}.started`, 'utf8')) === 'run-3');
});

test('what could not be put on disk for one run is not put there for the next', async context => {
  const identifying: { readonly resolve: (id: string) => void; readonly reject: (error: Error) => void }[] =
    [];
  const identify = () => new Promise<string>((resolve, reject) => void identifying.push({ resolve, reject }));
  const fifos = new StartFifos(await scratch(context), identify, () => undefined);
  context.after(() => fifos.stop());
  await fifos.create('web');
  await writeTo(fifos.path('web')).ended;
  await eventually(() => identifying.length > 0);
  await fifos.create('web');
  context.mock.timers.enable({ apis: ['setTimeout'] });
  identifying[0]?.reject(new Error('the bus is away'));
  await someTurns();
  context.mock.timers.tick(10_000);
  await someTurns();
  identifying[1]?.resolve('run-2');
  await someTurns();
  assert.equal((await fifos.observe('web')).startedInvocationId, '');
});

test('made anew it has forgotten who wrote to it', async context => {
  const { fifos, started } = await place(context);
  await fifos.create('web');
  await writeTo(fifos.path('web')).ended;
  await eventually(() => started.length > 0);
  await fifos.create('web');
  assert.deepEqual(await fifos.observe('web'), { exists: true, isListening: true, startedInvocationId: '' });
});

test('removing leaves nothing, and may be done twice', async context => {
  const { fifos } = await place(context);
  await fifos.create('web');
  await fifos.remove('web');
  await fifos.remove('web');
  assert.deepEqual(await fifos.observe('web'), {
    exists: false,
    isListening: false,
    startedInvocationId: '',
  });
});

test('listening twice is listening', async context => {
  const { fifos, started } = await place(context);
  await fifos.create('web');
  await fifos.listen('web');
  await writeTo(fifos.path('web')).ended;
  await eventually(() => started.length > 0);
  assert.deepEqual(started, ['web']);
});

test('a file that is no FIFO is none', async context => {
  const { fifos, directory } = await place(context);
  await fifos.create('db');
  await writeFile(fifos.path('web'), 'up\n');
  assert.equal((await fifos.observe('web')).exists, false);
  assert.ok(directory.length > 0);
});

describe('many FIFOs without a writer', () => {
  test('do not freeze the file system: libuv has four threads', async context => {
    const { fifos, directory } = await place(context);
    const names = Array.from({ length: 12 }, (_, index) => `guest${index}`);
    await Promise.all(names.map(name => fifos.create(name)));
    await writeFile(join(directory, 'still-alive'), 'yes');
    assert.equal(execFileSync('cat', [join(directory, 'still-alive')], { encoding: 'utf8' }), 'yes');
    for (const name of names) await fifos.remove(name);
  });
});
