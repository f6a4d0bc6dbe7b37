import type { Host } from '../testbed/host.ts';
import { type Row, table } from './report.ts';
import { sample } from './statistics.ts';

/** With this in its service, nspawnd listens for Kubernetes' clients and writes them a kubeconfig. */
const LISTEN = '[Service]\nExecStart=\nExecStart=/usr/sbin/nspawnd --listen 127.0.0.1:6443\n';
const DROP_IN = '/run/systemd/system/nspawnd.service.d/listen.conf';
const KUBECONFIG = '/run/nspawnd/kubeconfig';

/**
 * How long a person waits for the list of what runs, by each command in turn on the same host. Podman has nothing to list,
 * which only helps it. kubectl takes part where the host has one; it asks the same nspawnd.
 */
export async function measureListing(host: Host, rounds: number, warmUp: number): Promise<string> {
  const hasKubectl = (await host.exec(['sh', '-c', 'command -v kubectl'], { reject: false })).exitCode === 0;
  const contenders: readonly (readonly [string, readonly string[]])[] = [
    ['nspawnctl get', ['nspawnctl', 'get']],
    ['the same again (noise)', ['nspawnctl', 'get']],
    ['podman ps', ['podman', 'ps']],
    ...(hasKubectl
      ? [['kubectl get', ['kubectl', `--kubeconfig=${KUBECONFIG}`, 'get', 'containers.nspawnd.io']] as const]
      : []),
    ['node -e 0 (Node itself)', ['node', '-e', '0']],
  ];
  if (hasKubectl) await listen(host);
  const values = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const [name, argv] of contenders) {
      const ms = await timeInside(host, argv);
      if (round >= warmUp) values.get(name)?.push(ms);
    }
  }
  const rows: Row[] = contenders.map(([name]) => ({ name, sample: sample(values.get(name) ?? []) }));
  return table('a list of what runs', rows);
}

async function listen(host: Host): Promise<void> {
  await host.exec(['mkdir', '-p', DROP_IN.slice(0, DROP_IN.lastIndexOf('/'))]);
  await host.writeFile(DROP_IN, LISTEN);
  await host.exec(['systemctl', 'daemon-reload']);
  await host.exec(['systemctl', 'restart', 'nspawnd']);
}

/** By the host's own shell, so that entering the host is not counted. */
async function timeInside(host: Host, argv: readonly string[]): Promise<number> {
  const script = 'TIMEFORMAT=%3R; { time "$@" >/dev/null 2>&1; } 2>&1';
  const { stdout } = await host.exec(['bash', '-c', script, 'bash', ...argv]);
  return Number(stdout.trim()) * 1000;
}
