import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { findCondition } from '../../src/api/condition.ts';
import type { Container } from '../../src/api/container.ts';
import type { SourceStatus } from '../../src/controller/ports.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { type Contender, now, ROOT } from './contender.ts';

/** Ours: the file is written a second before it is renamed into the directory, and the renaming is the start. */
export function nspawnd(host: Host): Contender {
  return {
    name: 'nspawnd',
    async start(name) {
      await writeAside(host, name, '10.231.140.2');
      const begin = now();
      await moveIn(host, name);
      return begin;
    },
    unit: name => `container@${name}.service`,
    async remove(name) {
      await rm(manifest(host, name), { force: true });
      const isGone = async () =>
        (await host.exec(['nspawnctl', 'get', name], { reject: false })).exitCode === 66;
      await eventually(isGone, { timeoutMs: 60_000, describe: `${name} to be gone` });
    },
  };
}

export async function writeAside(host: Host, name: string, address: string): Promise<void> {
  const file = aside(host, name);
  await writeFile(file, manifestText(name, address));
  const aSecondAgo = new Date(Date.now() - 1000);
  await utimes(file, aSecondAgo, aSecondAgo);
}

export async function moveIn(host: Host, name: string): Promise<void> {
  await rename(aside(host, name), manifest(host, name));
}

/** Removes many at once: so many deletions are held until somebody says that they are meant. */
export async function removeMany(host: Host, names: readonly string[]): Promise<void> {
  await Promise.all(names.map(name => rm(manifest(host, name), { force: true })));
  await eventually(
    async () => {
      const { held } = (await ask<{ status: SourceStatus }>(host, '/source')).status;
      if (held !== null) await host.exec(['nspawnctl', 'prune', '--confirm', held.hash], { reject: false });
      const left = (await listContainers(host)).filter(({ metadata }) => names.includes(metadata.name));
      return left.length === 0;
    },
    { timeoutMs: 300_000, everyMs: 500, describe: `${names.length} containers to be gone` },
  );
}

export async function listContainers(host: Host): Promise<readonly Container[]> {
  return (await ask<{ items: readonly Container[] }>(host, '/containers')).items;
}

export async function untilAllReady(host: Host, names: readonly string[]): Promise<readonly Container[]> {
  return eventually(
    async () => {
      const ready = (await listContainers(host)).filter(
        ({ metadata, status }) =>
          findCondition(status.conditions, 'Ready')?.status === 'True' && names.includes(metadata.name),
      );
      return ready.length === names.length ? ready : null;
    },
    { timeoutMs: 600_000, everyMs: 2000, describe: `${names.length} containers to be Ready` },
  );
}

/** Over the host's own socket, without a process for every look. */
export function askText(host: Host, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: host.path('/run/nspawnd/nspawnd.sock'), path }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

async function ask<T>(host: Host, path: string): Promise<T> {
  return JSON.parse(await askText(host, `/apis/nspawnd.io/v1alpha1${path}`)) as T;
}

function manifest(host: Host, name: string): string {
  return host.path(`/etc/nspawnd/manifests/${name}.yaml`);
}

function aside(host: Host, name: string): string {
  return host.path(`/etc/nspawnd/.${name}.yaml`);
}

function manifestText(name: string, address: string): string {
  return `apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: ${name} }
spec:
  root: ${ROOT}
  volatile: overlay
  privateNetwork: true
  hostAddress: 10.231.140.1
  localAddress: ${address}
`;
}
