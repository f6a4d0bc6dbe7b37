import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, afterEach, before, type TestContext } from 'node:test';
import type { Condition, ConditionType } from '../../src/api/condition.ts';
import type { Container } from '../../src/api/container.ts';
import type { ContainerEvent } from '../../src/api/event.ts';
import type { SourceStatus } from '../../src/controller/ports.ts';
import {
  API_PATH,
  CONTAINERS_PATH,
  type ContainerList,
  type EventList,
  SOURCE_PATH,
  type Source,
} from '../../src/server/protocol.ts';
import { type BootOptions, bootHost } from '../testbed/boot-host.ts';
import { eventually } from '../testbed/eventually.ts';
import type { ExecResult, Host } from '../testbed/host.ts';
import { setOptions } from '../testbed/options.ts';
import { defaultSuite, type Suite } from '../testbed/suite.ts';

/**
 * A booted host for one test file, and the questions tests ask of it. `world.host` is the host itself: assert the state of
 * the world with it (machinectl, systemctl, ip, ping, files), and use `status` only for what people are told.
 */
export interface World {
  readonly host: Host;
  /** The object as nspawnctl shows it, asked of the daemon itself; null where there is none. */
  get(name: string): Promise<Container | null>;
  list(): Promise<readonly Container[]>;
  /** The manifests directory as a whole, as nspawnd sees it. */
  source(): Promise<SourceStatus>;
  /** nspawnctl as a person runs it, whatever its exit status. */
  ctl(...args: readonly string[]): Promise<ExecResult>;
  condition(name: string, type: ConditionType): Promise<Condition | undefined>;
  /** Waits until the condition has this status (and reason), and returns it. */
  until(
    name: string,
    type: ConditionType,
    status: Condition['status'],
    reason?: string,
    timeoutMs?: number,
  ): Promise<Condition>;
  untilReady(...names: readonly string[]): Promise<void>;
  untilGone(name: string): Promise<void>;
  /** Writes a manifest aside and moves it in, as FILE `NAME.yaml`. */
  drop(name: string, spec: Readonly<Record<string, unknown>>): Promise<void>;
  remove(name: string): Promise<void>;
  /** The object's history as people read it, oldest first. */
  events(name: string): Promise<readonly ContainerEvent[]>;
  /** Waits until the history has an event of this reason whose message matches. */
  untilEvent(name: string, reason: string, message?: RegExp): Promise<ContainerEvent>;
  /** Which run of the unit this is; empty while there is none. */
  invocation(name: string): Promise<string>;
  /** Runs a command among the processes of a guest, for guests without systemd too; throws when it fails. */
  amongGuest(name: string, argv: readonly string[]): Promise<string>;
  /** One value of `systemctl show`. */
  unit(name: string, property: string): Promise<string>;
  /** PID of the nspawn of a container; 0 while none runs. */
  mainPid(name: string): Promise<number>;
  /** PID 1 of a running guest, as machined knows it. */
  leader(name: string): Promise<string>;
  /** Runs a command in a systemd guest and returns its standard output; throws when it fails. */
  inGuest(name: string, argv: readonly string[]): Promise<string>;
  /** Through the guest's systemd, as a unit that goes on. */
  startInGuest(name: string, unit: string, argv: readonly string[]): Promise<string>;
  /** nspawnd stands still meanwhile, so that all that happens in it is one change to it. */
  whileHeld(work: () => Promise<unknown>): Promise<void>;
  /** Standard output of a command on the host; throws when it fails. */
  sh(...argv: readonly string[]): Promise<string>;
  exits(...argv: readonly string[]): Promise<number>;
  pings(address: string): Promise<boolean>;
  /** Runs nspawnd with these options while `act` goes on, and as it was installed afterwards. */
  withOptions(options: readonly string[], act: () => Promise<void>): Promise<void>;
}

/** Looks at everything again so rarely that in a test only triggers bring anything about. */
export const NO_RELIST = ['--relist-sec', '3600'];

/** The suite a file runs on: `npm test` runs some files on each. */
export const suite = (process.env.NSPAWND_TEST_SUITE as Suite | undefined) ?? defaultSuite;

/**
 * Boots a host before the tests of a file and ends it after them. After each test every manifest is removed, everything
 * nspawnd made must be gone, and when a test failed the host's story is printed.
 */
export function useWorld(
  options: BootOptions = {},
  prepare: (world: World) => Promise<void> = async () => undefined,
): World {
  let host: Host | null = null;
  const current = (): Host => {
    assert.ok(host !== null, 'the host is booted');
    return host;
  };
  const world = worldOf(current);
  before(async () => {
    host = await bootHost({ suite, ...options });
    await prepare(world);
  });
  afterEach(async context => {
    if (host === null) return;
    if ('passed' in context && (context as TestContext & { passed?: boolean }).passed === false) {
      console.error(await host.diagnose());
    }
    await clean(world);
  });
  after(async () => {
    await host?.down();
  });
  return world;
}

/** The questions, asked of a host that somebody else boots and ends. */
export function worldOf(host: () => Host): World {
  return new HostWorld(host);
}

/** The base tree as a container of its own that changes nothing on disk: quick to start, many at a time. */
export function guest(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { root: '/var/lib/machines/base', volatile: 'overlay', ...more };
}

/** A guest that boots nothing: it runs in a tenth of a second, and stays until it is stopped. */
export function sleeper(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return guest({ command: ['/bin/sleep', 'infinity'], ...more });
}

export function manifestText(name: string, spec: Readonly<Record<string, unknown>>): string {
  return `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata:\n  name: ${name}\nspec: ${JSON.stringify(spec)}\n`;
}

class HostWorld implements World {
  readonly #host: () => Host;

  constructor(host: () => Host) {
    this.#host = host;
  }

  get host(): Host {
    return this.#host();
  }

  async get(name: string): Promise<Container | null> {
    return this.#ask<Container>(`${CONTAINERS_PATH}/${name}`);
  }

  async list(): Promise<readonly Container[]> {
    return (await this.#ask<ContainerList>(CONTAINERS_PATH))?.items ?? [];
  }

  async source(): Promise<SourceStatus> {
    const source = await this.#ask<Source>(SOURCE_PATH);
    assert.ok(source !== null, `nspawnd answers at ${API_PATH}`);
    return source.status;
  }

  ctl(...args: readonly string[]): Promise<ExecResult> {
    return this.host.exec(['nspawnctl', ...args], { reject: false });
  }

  /** Null for 404. Over the host's own socket, without a process of nspawnctl for every look. */
  async #ask<T>(path: string): Promise<T | null> {
    const socketPath = this.host.path('/run/nspawnd/nspawnd.sock');
    const { statusCode, body } = await new Promise<{ statusCode: number; body: string }>(
      (resolve, reject) => {
        const asking = request({ socketPath, path, timeout: 20_000 }, response => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({ statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
          );
        });
        asking.on('timeout', () => asking.destroy(new Error(`no answer to ${path}`)));
        asking.on('error', reject);
        asking.end();
      },
    );
    if (statusCode === 404) return null;
    if (statusCode !== 200) throw new Error(`nspawnd answers ${statusCode} to ${path}: ${body}`);
    return JSON.parse(body) as T;
  }

  async condition(name: string, type: ConditionType): Promise<Condition | undefined> {
    return (await this.get(name))?.status.conditions.find(condition => condition.type === type);
  }

  until(
    name: string,
    type: ConditionType,
    status: Condition['status'],
    reason?: string,
    timeoutMs = 60_000,
  ): Promise<Condition> {
    return eventually(
      async () => {
        const found = await this.condition(name, type);
        assert.ok(found !== undefined, `${name} has no condition ${type}`);
        assert.equal(
          `${found.status} ${reason === undefined ? '' : found.reason}`,
          `${status} ${reason ?? ''}`,
          found.message,
        );
        return found;
      },
      { timeoutMs, describe: `${name} ${type}=${status} ${reason ?? ''}` },
    );
  }

  async untilReady(...names: readonly string[]): Promise<void> {
    await Promise.all(names.map(name => this.until(name, 'Ready', 'True', undefined, 60_000)));
  }

  async untilGone(name: string): Promise<void> {
    await eventually(async () => (await this.get(name)) === null, {
      timeoutMs: 60_000,
      describe: `${name} to be gone`,
    });
  }

  async drop(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.host.writeManifest(`${name}.yaml`, manifestText(name, spec));
  }

  async remove(name: string): Promise<void> {
    await this.host.removeManifest(`${name}.yaml`);
  }

  async events(name: string): Promise<readonly ContainerEvent[]> {
    return (await this.#ask<EventList>(`${CONTAINERS_PATH}/${name}/events`))?.items ?? [];
  }

  untilEvent(name: string, reason: string, message = /(?:)/): Promise<ContainerEvent> {
    return eventually(
      async () => {
        const events = await this.events(name);
        const found = events.find(event => event.reason === reason && message.test(event.message));
        assert.ok(found !== undefined, events.map(event => `${event.reason}: ${event.message}`).join('\n'));
        return found;
      },
      { timeoutMs: 60_000, describe: `${name} to have the event ${reason} ${message}` },
    );
  }

  invocation(name: string): Promise<string> {
    return this.unit(name, 'InvocationID');
  }

  async amongGuest(name: string, argv: readonly string[]): Promise<string> {
    return this.sh('nsenter', '-t', await this.leader(name), '-a', ...argv);
  }

  unit(name: string, property: string): Promise<string> {
    return this.sh('systemctl', 'show', '-P', property, `container@${name}.service`);
  }

  leader(name: string): Promise<string> {
    return this.sh('machinectl', 'show', '--value', '-p', 'Leader', name);
  }

  async mainPid(name: string): Promise<number> {
    return Number(await this.unit(name, 'MainPID'));
  }

  inGuest(name: string, argv: readonly string[]): Promise<string> {
    return this.sh('systemd-run', '--quiet', '--wait', '--pipe', '-M', name, ...argv);
  }

  startInGuest(name: string, unit: string, argv: readonly string[]): Promise<string> {
    // systemd replaces variables in a command line.
    const literal = argv.map(word => word.replaceAll('$', '$$$$'));
    return this.sh('systemd-run', '--quiet', '-M', name, `--unit=${unit}`, ...literal);
  }

  async whileHeld(work: () => Promise<unknown>): Promise<void> {
    const signal = (name: string) =>
      this.sh('systemctl', 'kill', `--signal=${name}`, '--kill-whom=main', 'nspawnd');
    await signal('STOP');
    try {
      await work();
    } finally {
      await signal('CONT');
    }
  }

  async sh(...argv: readonly string[]): Promise<string> {
    return (await this.host.exec(argv)).stdout;
  }

  async exits(...argv: readonly string[]): Promise<number> {
    return (await this.host.exec(argv, { reject: false })).exitCode;
  }

  async pings(address: string): Promise<boolean> {
    return (await this.exits('ping', '-c1', '-W2', address)) === 0;
  }

  async withOptions(options: readonly string[], act: () => Promise<void>): Promise<void> {
    await setOptions(this.host, options);
    try {
      await act();
    } finally {
      await setOptions(this.host, []);
    }
  }
}

/** Takes every manifest away and waits until nothing of ours is left: a test that leaks fails the file. */
async function clean(world: World): Promise<void> {
  const { host } = world;
  await host.exec(['sh', '-c', 'rm -rf /etc/nspawnd/manifests/* /etc/nspawnd/manifests/.[!.]*']);
  await host.exec(['systemctl', 'start', 'nspawnd'], { reject: false });
  await eventually(
    async () => {
      const { held } = await world.source();
      if (held !== null) await world.ctl('prune', '--confirm', held.hash);
      const names = (await world.list()).map(({ metadata }) => metadata.name);
      assert.deepEqual(names, []);
      assert.equal(await world.sh('sh', '-c', LEFTOVERS), '');
      return true;
    },
    { timeoutMs: 120_000, describe: 'nothing of nspawnd to be left' },
  );
}

const LEFTOVERS = `
  ip netns list
  ip -o link show type veth | grep 'alias nspawnd:'
  ls /run/systemd/system | grep '^container@'
  ls /nix/var/nix/gcroots/nspawnd 2>/dev/null
  true`;
