import assert from 'node:assert/strict';
import { after, afterEach, before, type TestContext } from 'node:test';
import type { Condition, ConditionType } from '../../src/api/condition.ts';
import type { Container } from '../../src/api/container.ts';
import { type BootOptions, bootHost } from '../testbed/boot-host.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { defaultSuite, type Suite } from '../testbed/suite.ts';

/**
 * A booted host for one test file, and the questions tests ask of it. `world.host` is the host itself: assert the state of
 * the world with it (machinectl, systemctl, ip, ping, files), and use `status` only for what people are told.
 */
export interface World {
  readonly host: Host;
  /** The object as nspawnctl shows it; null where there is none. */
  get(name: string): Promise<Container | null>;
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
  /** One value of `systemctl show`. */
  unit(name: string, property: string): Promise<string>;
  /** PID of the nspawn of a container; 0 while none runs. */
  mainPid(name: string): Promise<number>;
  /** Runs a command in a systemd guest and returns its standard output; throws when it fails. */
  inGuest(name: string, argv: readonly string[]): Promise<string>;
  /** Standard output of a command on the host; throws when it fails. */
  sh(...argv: readonly string[]): Promise<string>;
  exits(...argv: readonly string[]): Promise<number>;
  pings(address: string): Promise<boolean>;
}

/** The suite a file runs on: `npm test` runs some files on each. */
export const suite = (process.env.NSPAWND_TEST_SUITE as Suite | undefined) ?? defaultSuite;

/**
 * Boots a host before the tests of a file and ends it after them. After each test every manifest is removed, everything
 * nspawnd made must be gone, and when a test failed the host's story is printed.
 */
export function useWorld(options: BootOptions = {}): World {
  let host: Host | null = null;
  const current = (): Host => {
    assert.ok(host !== null, 'the host is booted');
    return host;
  };
  before(async () => {
    host = await bootHost({ suite, ...options });
  });
  afterEach(async context => {
    if (host === null) return;
    if ('passed' in context && (context as TestContext & { passed?: boolean }).passed === false) {
      console.error(await host.diagnose());
    }
    await clean(current());
  });
  after(async () => {
    await host?.down();
  });
  return new HostWorld(current);
}

/** The base tree as a container of its own that changes nothing on disk: quick to start, many at a time. */
export function guest(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { root: '/var/lib/machines/base', volatile: 'overlay', ...more };
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
    const { stdout, exitCode, stderr } = await this.host.exec(['nspawnctl', 'get', name, '-o', 'json'], {
      reject: false,
    });
    if (exitCode === 66) return null;
    if (exitCode !== 0) throw new Error(`nspawnctl get ${name}: exit ${exitCode}: ${stderr}`);
    return JSON.parse(stdout) as Container;
  }

  async condition(name: string, type: ConditionType): Promise<Condition | undefined> {
    return (await this.get(name))?.status.conditions.find(condition => condition.type === type);
  }

  until(
    name: string,
    type: ConditionType,
    status: Condition['status'],
    reason?: string,
    timeoutMs = 30_000,
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

  unit(name: string, property: string): Promise<string> {
    return this.sh('systemctl', 'show', '-P', property, `container@${name}.service`);
  }

  async mainPid(name: string): Promise<number> {
    return Number(await this.unit(name, 'MainPID'));
  }

  inGuest(name: string, argv: readonly string[]): Promise<string> {
    return this.sh('systemd-run', '--quiet', '--wait', '--pipe', '-M', name, ...argv);
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
}

/** Takes every manifest away and waits until nothing of ours is left: a test that leaks fails the file. */
async function clean(host: Host): Promise<void> {
  await host.exec(['sh', '-c', 'rm -rf /etc/nspawnd/manifests/* /etc/nspawnd/manifests/.[!.]*']);
  await host.exec(['systemctl', 'start', 'nspawnd'], { reject: false });
  await eventually(
    async () => {
      const { stdout: source } = await host.exec(['nspawnctl', 'prune'], { reject: false });
      const hash = /--confirm (\S+)/.exec(source)?.[1];
      if (hash !== undefined) await host.exec(['nspawnctl', 'prune', '--confirm', hash], { reject: false });
      const [names, netns, links, units] = await Promise.all(
        [
          ['nspawnctl', 'get', '-o', 'name'],
          ['ip', 'netns', 'list'],
          ['ip', '-o', 'link', 'show', 'type', 'veth'],
          ['sh', '-c', 'ls /run/systemd/system | grep ^container@ || true'],
        ].map(async argv => (await host.exec(argv, { reject: false })).stdout.trim()),
      );
      assert.deepEqual(
        { names, netns, links: links?.includes('alias nspawnd:') ?? false, units },
        { names: '', netns: '', links: false, units: '' },
      );
      return true;
    },
    { timeoutMs: 120_000, everyMs: 200, describe: 'nothing of nspawnd to be left' },
  );
}
