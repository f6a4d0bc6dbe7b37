import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually } from './eventually.ts';
import { findLeader, Host } from './host.ts';
import { claimRecord, type HostRecord, isStale, readRecord, stateOf, writeRecord } from './host-record.ts';
import { ensureInstalled } from './installed.ts';
import { raiseKernelLimits } from './kernel-limits.ts';
import { cgroupOf, diskOf } from './places.ts';
import { identifyProcess, isAlive } from './process-identity.ts';
import { report } from './progress.ts';
import { type Extra, guestTree, treeOf } from './recipes.ts';
import { defaultSuite, type Suite } from './suite.ts';
import { endHost, startSupervisor } from './supervisor.ts';
import { ensureMachines, ensureTree } from './tree.ts';

export interface BootOptions {
  /** Lower-case letters, digits and dashes; made up when not given. */
  readonly name?: string;
  readonly suite?: Suite;
  /** nspawnd.service enabled, so that it runs from boot on; true when not given. */
  readonly startService?: boolean;
  /** nspawnd's package installed; true when not given. */
  readonly install?: boolean;
  /** Trees it has at /var/lib/machines/NAME besides `base`, each an overlay on one that `ensureTree` has made. */
  readonly extraTrees?: Readonly<Record<string, string>>;
  /** What it has installed besides. */
  readonly with?: Extra;
  /** A tree for the host itself, instead of the suite's; `ensureTree` has made it. */
  readonly hostTree?: string;
  /** The host stays when this process ends; false when not given. */
  readonly outlivesMe?: boolean;
}

let numberOfHosts = 0;

/**
 * Boots a host with nspawnd installed, and returns when it is up. It has a disk of its own, a guest tree at
 * /var/lib/machines/base, and a network that reaches nobody. It ends with this process, whatever ends that, unless it
 * is told to outlive it; a stale host of the same name is removed first.
 */
export async function bootHost(options: BootOptions = {}): Promise<Host> {
  const {
    name = inventName(),
    suite = defaultSuite,
    install = true,
    startService = install,
    extraTrees = {},
    outlivesMe = false,
  } = options;
  if (!/^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/.test(name)) throw new Error(`not a name for a host: "${name}"`);
  if (process.getuid?.() !== 0) throw new Error('test hosts need root on this machine');
  const me = identifyProcess(process.pid);
  if (!me) throw new Error('/proc is not mounted');
  const [hostRoot, guestRoot] = await Promise.all([
    options.hostTree ?? ensureTree(treeOf(suite, options.with ?? null)),
    ensureTree(guestTree(suite)),
  ]);
  const [layer] = await Promise.all([
    install ? ensureInstalled(hostRoot) : null,
    ensureMachines(guestRoot),
    raiseKernelLimits(),
  ]);
  const claimed: HostRecord = {
    name,
    suite,
    startService,
    hostTree: hostRoot,
    layer,
    guestTree: guestRoot,
    extraTrees,
    disk: diskOf(name),
    cgroup: cgroupOf(name),
    starter: me,
    ...(outlivesMe ? {} : { owner: me }),
  };
  await claim(claimed);
  const record = { ...claimed, supervisor: await startSupervisor(claimed) };
  await writeRecord(record);
  const host = new Host(record);
  try {
    await untilBooted(record);
    const failed = await host.untilUp();
    if (failed.length > 0) report(`host ${name} is up, but these units failed: ${failed.join(' ')}`);
    if (startService) await requireService(host, outlivesMe);
    return host;
  } catch (error) {
    const console = await readConsole(record);
    await host.down();
    throw new Error(`host ${name} did not come up: ${String(error)}\n${console}`, { cause: error });
  }
}

/** A test has no use for a host without nspawnd; a person who looks after the host may want to see why it is so. */
async function requireService(host: Host, outlivesMe: boolean): Promise<void> {
  const state = await host.exec(['systemctl', 'is-active', 'nspawnd.service'], { reject: false });
  if (state.exitCode === 0) return;
  const journal = await host.exec(['journalctl', '--no-pager', '-b', '-u', 'nspawnd', '-n', '20']);
  const message = `nspawnd.service is ${state.stdout} on host ${host.name}:\n${journal.stdout}`;
  if (!outlivesMe) throw new Error(message);
  report(message);
}

/** A host that runs already. */
export async function findHost(name: string): Promise<Host> {
  const record = await readRecord(name);
  if (!record || isStale(record)) throw new Error(`there is no host "${name}"; see: npm run testbed -- list`);
  return new Host(record);
}

async function claim(record: HostRecord): Promise<void> {
  if (await claimRecord(record)) return;
  const present = await readRecord(record.name);
  if (present && !isStale(present)) throw new Error(`host "${record.name}" is already up`);
  await endHost(record.name);
  if (!(await claimRecord(record)))
    throw new Error(`host "${record.name}" is being started by somebody else`);
}

async function untilBooted(record: HostRecord): Promise<void> {
  const failure = join(stateOf(record.name), 'failed');
  const isDecided = () => {
    const supervisorEnded = record.supervisor !== undefined && !isAlive(record.supervisor);
    return findLeader(record) !== undefined || existsSync(failure) || supervisorEnded;
  };
  await eventually(isDecided, { timeoutMs: 60_000, everyMs: 10, describe: 'its init' });
  if (findLeader(record) === undefined) throw new Error('its preparation failed');
}

async function readConsole(record: HostRecord): Promise<string> {
  return readFile(join(stateOf(record.name), 'console'), 'utf8').catch(() => '(it left no console output)');
}

function inventName(): string {
  numberOfHosts += 1;
  return `test-${process.pid}-${numberOfHosts}`;
}
