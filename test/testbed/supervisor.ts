import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { eventually } from './eventually.ts';
import { type HostRecord, readRecord, stateOf } from './host-record.ts';
import { identifyProcess, isAlive, type ProcessIdentity, signalProcess } from './process-identity.ts';
import { machinesOf } from './tree.ts';

const script = fileURLToPath(new URL('supervise.sh', import.meta.url));

/**
 * Starts the process that boots a host and tends it until its end. It is in a session of its own, so Ctrl-C in a
 * terminal is not for it; with an owner, the kernel tells it when the owner's main thread has died.
 */
export async function startSupervisor(record: HostRecord): Promise<ProcessIdentity> {
  const isolated = ['unshare', '--mount', '--propagation', 'private', 'sh', script, 'run'];
  const argv = record.owner ? ['setpriv', '--pdeathsig', 'TERM', ...isolated] : isolated;
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { detached: true, stdio: 'ignore', env: environmentOf(record) });
  await once(child, 'spawn');
  child.unref();
  const identity = identifyProcess(child.pid ?? 0);
  if (!identity) throw new Error(`the supervisor of host ${record.name} ended at once`);
  return identity;
}

/** Ends a host and removes everything of it; also for one that is stale, and for one that is already gone. */
export async function endHost(name: string): Promise<void> {
  const record = await readRecord(name);
  if (!record) return;
  if (record.supervisor && signalProcess(record.supervisor, 'SIGTERM')) {
    const { supervisor } = record;
    const ended = eventually(() => !isAlive(supervisor), { timeoutMs: 30_000, everyMs: 10 });
    await ended.catch(() => signalProcess(supervisor, 'SIGKILL'));
  }
  // Whatever a supervisor that was killed has left.
  if (existsSync(stateOf(name))) await execa('sh', [script, 'sweep'], { env: environmentOf(record) });
}

function environmentOf(record: HostRecord): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    // The outer machine's systemd is not asked which hierarchy the host gets: every supported systemd needs this one.
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
    TESTBED_NAME: record.name,
    TESTBED_STATE: stateOf(record.name),
    TESTBED_DISK: record.disk,
    TESTBED_CGROUP: record.cgroup,
    // The uppermost first, as overlayfs has them.
    TESTBED_HOST_TREE: record.layer === null ? record.hostTree : `${record.layer}:${record.hostTree}`,
    TESTBED_MACHINES: machinesOf(record.guestTree),
    TESTBED_EXTRA_TREES: Object.entries(record.extraTrees)
      .map(entry => entry.join('='))
      .join(' '),
    TESTBED_START_SERVICE: record.startService ? 'yes' : '',
    TESTBED_OWNER: record.owner ? String(record.owner.pid) : '',
  };
}
