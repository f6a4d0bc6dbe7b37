import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { run } from '../../../src/cli/run.ts';
import { paintPlain } from '../../../src/view/paint.ts';
import { eventually } from '../../testbed/eventually.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { bundle, type Command, NOW } from './nspawnctl.ts';

/** What happens when there is much, or it lasts long. */
let command: Command;
before(async () => {
  command = await bundle();
});
after(() => command.remove());

const MEBI = 1024 * 1024;
const patient = { everyMs: 20, timeoutMs: 120_000 };

/** What the last look left is collected first. */
function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) collect();
  return process.memoryUsage().heapUsed;
}

describe('get -w', () => {
  it('does not grow over forty thousand changes, nor does the server that tells them', async t => {
    const control = new ControlModel();
    const { rootSocket } = await serve(t, { control });
    control.put('web');
    const closed = new AbortController();
    let lines = 0;
    const watching = run(['--socket', rootSocket, 'get', '-w', '--show-labels'], {
      out: async text => {
        lines += text.split('\n').length - 1;
      },
      err: async text => assert.fail(text),
      isInteractive: false,
      paint: paintPlain,
      ask: async () => null,
      now: () => NOW,
      closed: closed.signal,
    });
    await eventually(() => control.watcherCount() > 0 && lines === 2, patient);

    /** Containers come, change and go: three changes each, of which each is told. */
    const churn = async (from: number, to: number) => {
      for (let number = from; number < to; number += 3) {
        const name = `c${number}`;
        control.put(name, { labels: { number: String(number) } });
        control.putRunning(name);
        control.remove(name);
        // As fast as they are read, and not faster.
        if (number % 300 === 0) while (lines < number) await turn();
      }
      await eventually(() => lines >= to, patient);
    };
    await churn(0, 12_000);
    const early = heapAfterCollection();
    await churn(12_000, 42_000);
    const late = heapAfterCollection();
    // A third of this comes and goes by itself.
    assert.ok(late - early < MEBI, `${((late - early) / MEBI).toFixed(1)} MiB more`);
    closed.abort();
    assert.equal(await watching, 0);
  });

  it('whose reader takes nothing is bounded, and tells the newest when it reads again', async t => {
    const control = new ControlModel();
    const { rootSocket } = await serve(t, { control });
    const message = 'x'.repeat(50_000);
    for (let number = 0; number < 20; number += 1) control.putRunning(`c${number}`, { message });
    const watching = command.start(['--socket', rootSocket, 'get', '-w', '-o', 'json'], {
      env: { NODE_OPTIONS: '--max-old-space-size=64' },
    });
    await eventually(() => watching.out().includes('"c19"'), patient);
    const { stdout, pid } = watching.child;
    stdout?.pause();
    const before = heapAfterCollection();
    // 100 MB that nobody reads.
    for (let number = 0; number < 2_000; number += 1) {
      control.putRunning(`c${number % 20}`, { message, restarts: number });
      if (number % 10 === 0) await turn();
    }
    const more = heapAfterCollection() - before;
    assert.ok(more < 80 * MEBI, `the server has ${(more / MEBI).toFixed(1)} MiB more`);
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    assert.ok(resident < 200 * MEBI, `the command has ${(resident / MEBI).toFixed(0)} MiB`);
    stdout?.resume();
    await eventually(() => watching.out().includes('"restarts": 1999'), patient);
    watching.child.kill('SIGTERM');
    await watching.ended;
  });
});

describe('a thousand containers', () => {
  it('are shown in every form with little memory', async t => {
    const control = new ControlModel();
    for (let number = 0; number < 1_000; number += 1)
      control.putRunning(`c${number}`, {
        message: 'y'.repeat(1_000),
        labels: { number: String(number) },
        addresses: [`10.0.${number >> 8}.${number & 255}`],
      });
    const { rootSocket } = await serve(t, { control });
    for (const args of [
      [],
      ['-o', 'wide', '--show-labels'],
      ['-o', 'json'],
      ['-o', 'name', '--sort-by', '.metadata.name'],
      ['-o', 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}'],
      ['-o', 'custom-columns=N:.metadata.name,R:.status.conditions[?(@.type=="Ready")].status'],
    ]) {
      const { code, out, err } = await command.run(['--socket', rootSocket, 'get', ...args], {
        env: { NODE_OPTIONS: '--max-old-space-size=48' },
      });
      assert.deepEqual([code, err], [0, ''], args.join(' '));
      assert.ok(out.includes('c999'), args.join(' '));
    }
  });
});
