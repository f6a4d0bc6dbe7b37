import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { pino } from 'pino';
import { Controller } from '../../src/controller/controller.ts';
import type { ManifestPort } from '../../src/controller/ports.ts';
import { createManifestSource } from '../../src/manifests/source.ts';
import { hostLinkName } from '../../src/planning/link-name.ts';
import { ModelHost } from '../model/model-host.ts';
import { ModelPort } from '../model/model-port.ts';
import { sample } from './statistics.ts';

/** What is measured of a number of manifests; times in milliseconds. */
export interface MeasuredManifests {
  readonly firstScanMs: number;
  readonly rescanCpuMs: number;
  readonly editMs: number;
  readonly editCpuMs: number;
  readonly memoryMb: number;
  /** On a model host; null where that would only measure the model. */
  readonly controller: {
    readonly adoptMs: number;
    readonly relistCpuMs: number;
    readonly restPercent: number;
  } | null;
}

const ROUNDS = 11;
const RELIST_MS = 20_000;
const log = pino({ level: 'silent' });

const [scratch = '', countText = ''] = process.argv.slice(2);
const count = Number(countText);
const top = join(scratch, `of-${count}`);
const directory = join(top, 'manifests');

async function measure(): Promise<MeasuredManifests> {
  await mkdir(directory, { recursive: true });
  for (let index = 0; index < count; index++) await put(index, 0);

  const abort = new AbortController();
  const source = sourceAt('first');
  const startedAt = performance.now();
  await source.start(() => undefined, abort.signal);
  const firstScanMs = performance.now() - startedAt;
  abort.abort();

  const again = new AbortController();
  let onTrigger: (names: readonly string[]) => void = () => undefined;
  const second = sourceAt('first');
  await second.start(names => onTrigger(names), again.signal);
  await passing(3_000);
  const rescans = await inRounds(async () => await cpuOf(async () => void (await second.rescan())));
  const edits: { readonly ms: number; readonly cpuMs: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const index = Math.floor((count / ROUNDS) * round);
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const announced = new Promise<void>(resolve => {
      onTrigger = names => {
        if (names.includes(nameOf(index))) resolve();
      };
    });
    await put(index, round + 1);
    await announced;
    const ms = performance.now() - begin;
    // What comes after it, such as a second look, is part of its cost.
    await passing(500);
    edits.push({ ms, cpuMs: millisecondsOf(process.cpuUsage(cpu)) });
  }
  globalThis.gc?.();
  const memoryMb = process.memoryUsage.rss() / 1024 ** 2;
  again.abort();
  return {
    firstScanMs,
    rescanCpuMs: sample(rescans).median,
    editMs: sample(edits.map(({ ms }) => ms)).median,
    editCpuMs: sample(edits.map(({ cpuMs }) => cpuMs)).median,
    memoryMb,
    controller: count === 1_000 ? await measureController() : null,
  };
}

async function measureController(): Promise<MeasuredManifests['controller']> {
  const host = new ModelHost();
  const former = await startController(new CountingPort(host));
  while (host.progress()) await untilIdle(former);
  await former.stop();

  const port = new CountingPort(host);
  const startedAt = performance.now();
  const controller = await startController(port);
  const adoptMs = performance.now() - startedAt;
  const relists = await inRounds(
    async () =>
      await cpuOf(async () => {
        const listedBefore = port.lists;
        host.trigger(null);
        while (port.lists === listedBefore) await passing(1);
        await untilIdle(controller);
      }),
  );
  const atRest = await cpuOf(async () => await passing(RELIST_MS));
  await controller.stop();
  return { adoptMs, relistCpuMs: sample(relists).median, restPercent: (atRest / RELIST_MS) * 100 };
}

/** Says when a re-list has come to the host: from then on what it found is in the queue. */
class CountingPort extends ModelPort {
  lists = 0;

  override async list(): Promise<readonly string[]> {
    const found = await super.list();
    setImmediate(() => this.lists++);
    return found;
  }
}

async function startController(port: ModelPort): Promise<Controller> {
  const options = { workers: 8, relistMs: RELIST_MS };
  const controller = new Controller(sourceAt('second'), port, log, options);
  await controller.start();
  await untilIdle(controller);
  return controller;
}

async function untilIdle(controller: Controller): Promise<void> {
  for (;;) {
    const { waiting, runningSeconds } = controller.queueFigures();
    if (waiting === 0 && runningSeconds.length === 0) return;
    await passing(1);
  }
}

function sourceAt(state: string): ManifestPort {
  return createManifestSource({
    directory,
    stateDirectory: join(top, state),
    ownerUid: 0,
    hostName: 'bench',
    hostLinkName,
    hostAddresses: async () => [],
    bootId: 'bench',
    log,
  });
}

async function inRounds(measureOnce: () => Promise<number>): Promise<readonly number[]> {
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round++) values.push(await measureOnce());
  return values;
}

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return millisecondsOf(process.cpuUsage(before));
}

function millisecondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}

function nameOf(index: number): string {
  return `c${index}`;
}

/** Written aside and moved in, as seconds ago. */
async function put(index: number, version: number): Promise<void> {
  const aside = join(top, `.${nameOf(index)}`);
  const text = `apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: ${nameOf(index)}, labels: { version: "${version}" } }
spec:
  root: /var/lib/machines/${nameOf(index)}
  privateNetwork: true
  hostAddress: 10.9.0.1
  localAddress: 10.${10 + Math.floor(index / 50_000)}.${Math.floor(index / 250) % 200}.${(index % 250) + 1}
`;
  await writeFile(aside, text);
  const then = new Date(Date.now() - 10_000);
  await utimes(aside, then, then);
  await rename(aside, join(directory, `${nameOf(index)}.yaml`));
}

// At the end, when the class above is one.
process.stdout.write(JSON.stringify(await measure()));
process.exit(0);
