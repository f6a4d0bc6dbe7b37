import assert from 'node:assert/strict';
import { findCondition } from '../../src/api/condition.ts';
import { guest, sleeper, type World } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Probe } from './probe.ts';

/** What a fault is done to: a host where containers of several kinds live, and things that belong to others. */
export interface Scene {
  readonly world: World;
  readonly probe: Probe;
  /** `sample`: each kind of thing once, for seconds; `whole`: as often and as long as it says. */
  readonly size: Size;
  readonly seed: number;
  /** Throws when a container that was there before the fault is not what it was, or is another run. */
  untouched(): Promise<void>;
}

export type Size = 'sample' | 'whole';

/** How one of them stands: Ready or why not, and which run and leader it is. */
export type Standing = Readonly<Record<string, string>>;

/** One of each kind, and how it is to stand. */
const INHABITANTS: Readonly<Record<string, { readonly spec: object; readonly reason: string }>> = {
  'lives-booted': { spec: guest(ownNetwork(241)), reason: 'Ready' },
  'lives-fifo': {
    spec: sleeper({
      ...ownNetwork(242),
      readiness: 'fifo',
      command: ['/bin/sh', '-c', 'echo started > /var/lib/startup-done; exec sleep infinity'],
    }),
    reason: 'Ready',
  },
  'lives-plain': { spec: sleeper({ restartPolicy: 'Always' }), reason: 'Ready' },
  'lives-by-hand': { spec: sleeper({ autoStart: false, ...ownNetwork(243) }), reason: 'NotStarted' },
  'lives-stopped': { spec: sleeper(), reason: 'Stopped' },
  'lives-off': { spec: sleeper({ command: ['/bin/true'] }), reason: 'ExitedCleanly' },
};

export async function populate(world: World): Promise<void> {
  await Promise.all(Object.entries(INHABITANTS).map(([name, { spec }]) => world.drop(name, { ...spec })));
  await world.untilReady('lives-booted', 'lives-fifo', 'lives-plain', 'lives-stopped');
  await world.ctl('stop', 'lives-stopped');
  await eventually(() => standsAsItShould(world), {
    timeoutMs: 60_000,
    describe: 'all to be as they should',
  });
}

export async function standing(world: World): Promise<Standing> {
  const list = await world.list();
  const entries = Object.keys(INHABITANTS).map(async name => {
    const container = list.find(({ metadata }) => metadata.name === name);
    const ready = findCondition(container?.status.conditions ?? [], 'Ready');
    const run = ready?.reason === 'Ready' ? await runOf(world, name) : '';
    return [name, `${ready?.reason} ${run}`] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The invocation of the unit, its nspawn and the guest's first process: none of them changes in a run. */
export async function runOf(world: World, name: string): Promise<string> {
  const [unit, leader] = await Promise.all([
    world.sh('systemctl', 'show', '-p', 'InvocationID', '-p', 'MainPID', '--value', `container@${name}`),
    world.leader(name),
  ]);
  return `${unit.replace('\n', ' ')} ${leader}`;
}

/** Only what may leave nothing behind: a reason that is not the wanted one is not there yet. */
async function standsAsItShould(world: World): Promise<boolean> {
  const now = await standing(world);
  for (const [name, { reason }] of Object.entries(INHABITANTS))
    assert.equal(now[name]?.split(' ')[0], reason, name);
  return true;
}

/** By a mount the manifests directory is another one, which is followed only when it was accepted. */
export async function untilAccepted(world: World): Promise<void> {
  await eventually(async () => (await world.source()).isHealthy, { timeoutMs: 30_000 });
}

export function ownNetwork(net: number): Readonly<Record<string, unknown>> {
  return { privateNetwork: true, hostAddress: `10.231.${net}.1`, localAddress: `10.231.${net}.2` };
}

/** Things of others that look almost like ours. */
export const FOREIGN = `
  mkdir -p /srv/foreign /run/systemd/system
  echo '192.0.2.1 foreign foreign.containers' >> /etc/hosts
  ip link add foreign0 type veth peer name foreign1
  ip netns add foreign
  nft add table inet foreign
  nft add chain inet foreign input
  printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > /run/systemd/system/container@foreign.service
  systemctl start container@foreign`;
