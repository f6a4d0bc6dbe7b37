import type { Host } from '../testbed/host.ts';
import { setOptions } from '../testbed/options.ts';
import { allRounds, type Bench } from './bench.ts';
import { firstLine } from './in-turn.ts';
import { givePodmanStorage } from './quadlet.ts';
import { type Row, table } from './report.ts';
import { sample } from './statistics.ts';

/** With these, nspawnd listens for Kubernetes' clients and writes them a kubeconfig. */
const LISTEN = ['--listen', '127.0.0.1:6443'];
const KUBECONFIG = '/run/nspawnd/kubeconfig';

/**
 * How long a person waits for the list of what runs, by each command in turn on the same host. Podman has nothing to list,
 * which only helps it. kubectl asks the same nspawnd.
 */
export async function measureListing(bench: Bench): Promise<string> {
  const { host } = bench;
  const contenders: readonly (readonly [string, readonly string[]])[] = [
    ['nspawnctl get', ['nspawnctl', 'get']],
    ['the same again (noise)', ['nspawnctl', 'get']],
    ['nspawnctl list (starts Node)', ['nspawnctl', 'list']],
    ['podman ps', ['podman', 'ps']],
    ['kubectl get', ['kubectl', `--kubeconfig=${KUBECONFIG}`, 'get', 'containers.nspawnd.io']],
    ['machinectl list', ['machinectl', 'list']],
    ['node -e 0 (Node itself)', ['node', '-e', '0']],
  ];
  await setOptions(host, LISTEN);
  await givePodmanStorage(host);
  const values = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  const failures = new Map<string, string>();
  for (let round = 0; round < allRounds(bench); round++) {
    for (const [name, argv] of contenders) {
      if (failures.has(name)) continue;
      try {
        const ms = await timeInside(host, argv);
        if (round >= bench.warmUp) values.get(name)?.push(ms);
      } catch (error) {
        failures.set(name, firstLine(error));
      }
    }
  }
  const rows = contenders.map(([name]): Row => {
    const missing = failures.get(name);
    return missing === undefined ? { name, sample: sample(values.get(name) ?? []) } : { name, missing };
  });
  return table('a list of what runs', rows, 'ahead of kubectl get and podman ps');
}

/** By the host's own shell, so that entering the host is not counted. Throws when the command fails. */
async function timeInside(host: Host, argv: readonly string[]): Promise<number> {
  const script = 'TIMEFORMAT=%3R; { time "$@" >/dev/null; } 2>&1; exit $?';
  const { stdout } = await host.exec(['bash', '-c', script, 'bash', ...argv]);
  return Number(stdout.trim().split('\n').at(-1)) * 1000;
}
