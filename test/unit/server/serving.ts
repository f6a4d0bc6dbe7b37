import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Metrics } from '../../../src/metrics/metrics.ts';
import type { Limits } from '../../../src/server/limits.ts';
import { type Server, startServer } from '../../../src/server/server.ts';
import { ControlModel } from './control-model.ts';

export interface Serving {
  readonly control: ControlModel;
  readonly directory: string;
  readonly rootSocket: string;
  readonly readSocket: string;
  readonly server: Server;
  readonly logged: readonly string[];
}

export interface ServingOptions {
  readonly control?: ControlModel;
  readonly directory?: string;
  readonly readGroupId?: number | null;
  readonly limits?: Partial<Limits>;
  /** Also on a port of loopback that is free. */
  readonly isOnTcp?: boolean;
}

/** A real server over a controller in memory, in a directory of its own; gone after the test. */
export async function serve(
  t: Pick<TestContext, 'after'>,
  {
    control = new ControlModel(),
    directory,
    readGroupId = null,
    limits = {},
    isOnTcp = false,
  }: ServingOptions = {},
): Promise<Serving> {
  const runtimeDirectory = directory ?? (await temporaryDirectory(t));
  const logged: string[] = [];
  const log = {
    info: (_fields: object, message: string) => logged.push(message),
    error: (fields: object, message: string) => logged.push(`${message} ${String(Object.values(fields)[0])}`),
  };
  const metrics = new Metrics('1.2.3');
  metrics.follow({
    list: () => control.list(),
    source: () => control.source(),
    queueFigures: () => ({ waiting: 0, workers: 8, runningSeconds: [] }),
  });
  const server = await startServer({
    control,
    metrics,
    runtimeDirectory,
    stateDirectory: join(runtimeDirectory, 'state'),
    readGroupId,
    writeGroupId: null,
    tcp: isOnTcp ? { host: '127.0.0.1', port: 0 } : null,
    version: '1.2.3',
    log,
    limits,
  });
  t.after(() => server.close());
  return {
    control,
    directory: runtimeDirectory,
    rootSocket: join(runtimeDirectory, 'nspawnd.sock'),
    readSocket: join(runtimeDirectory, 'read.sock'),
    server,
    logged,
  };
}

export async function temporaryDirectory(t: Pick<TestContext, 'after'>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'nspawnd-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
