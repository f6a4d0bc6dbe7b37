import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { type Contender, now } from './contender.ts';

/** Ours: the file is written a second before it is renamed into the directory, and the renaming is the start. */
export function nspawnd(host: Host): Contender {
  const manifest = (name: string) => host.path(`/etc/nspawnd/manifests/${name}.yaml`);
  return {
    name: 'nspawnd',
    async start(name) {
      const aside = host.path(`/etc/nspawnd/.${name}.yaml`);
      await writeFile(aside, text(name));
      const aSecondAgo = new Date(Date.now() - 1000);
      await utimes(aside, aSecondAgo, aSecondAgo);
      const begin = now();
      await rename(aside, manifest(name));
      return begin;
    },
    unit: name => `container@${name}.service`,
    async remove(name) {
      await rm(manifest(name), { force: true });
      const isGone = async () =>
        (await host.exec(['nspawnctl', 'get', name], { reject: false })).exitCode === 66;
      await eventually(isGone, { timeoutMs: 60_000, describe: `${name} to be gone` });
    },
  };
}

function text(name: string): string {
  return `apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: ${name} }
spec:
  root: /var/lib/machines/base
  volatile: overlay
  privateNetwork: true
  hostAddress: 10.231.140.1
  localAddress: 10.231.140.2
`;
}
