import { readFile } from 'node:fs/promises';
import type { HostInterfaceFacts } from '../planning/observed.ts';
import { linkAlias } from '../planning/sandbox.ts';
import { exists } from './files.ts';
import { ipDevice } from './ip-device.ts';

/** An interface of the host's as somebody's manifest speaks of it: whether a guest can have it or a share of it. */
export async function hostInterface(name: string): Promise<HostInterfaceFacts> {
  const device = await ipDevice(null, name);
  if (device === null) return { name, state: 'missing', detail: '' };
  const unusable = (detail: string): HostInterfaceFacts => ({ name, state: 'unusable', detail });
  if (device.isLoopback) return unusable(`${name} is the host's loopback and cannot be given away`);
  if (device.alias.startsWith(linkAlias('')))
    return unusable(`${name} is the link of container ${device.alias.slice(linkAlias('').length)}`);
  // The kernel moves a radio as a whole (iw phy ... set netns), never one of its interfaces.
  if (await exists(`/sys/class/net/${name}/phy80211`))
    return unusable(`${name} is a wireless interface, which cannot be moved or shared like this`);
  return { name, state: 'present', detail: '' };
}

/** The kernel's number of an interface of the host; null where there is none. */
export async function interfaceIndex(name: string): Promise<number | null> {
  try {
    return Number.parseInt(await readFile(`/sys/class/net/${name}/ifindex`, 'utf8'), 10);
  } catch {
    return null;
  }
}
