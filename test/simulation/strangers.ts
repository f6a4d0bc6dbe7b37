import type { ModelHost } from '../model/model-host.ts';
import { check } from './at-rest.ts';

/** Things on the host that are nobody's business, some of them named as ours are. */
export function addStrangers(host: ModelHost): void {
  host.unitFiles.set('vendor', '[Service]\nExecStart=/usr/bin/vendor\n');
  host.units.set('vendor', {
    ...{ activeState: 'active', result: 'success', isMasked: false, isPinned: false },
    ...{ loadedText: '[Service]\nExecStart=/usr/bin/vendor\n', invocationId: 'vendor' },
    run: { pid: 900_001, leader: 900_002, namespace: 0, text: '[Service]\n', hasBooted: true },
  });
  host.namespaces.set('vpn', 900_003);
  host.strangers.add(900_004);
  host.machines.set('vm', { leader: 900_004, root: '/srv/vm', unit: 'machine-vm.scope' });
  host.pairs.set('ve-vendor', {
    ...{ alias: '', altName: null, hostAddresses: ['192.0.2.1/24'], hostRoutes: [], namespace: null },
    ...{ guestAddresses: [], guestRoutes: [], isUp: true },
  });
  host.guard.set('ve-vendor', ['192.0.2.9']);
}

/** What they look like; a boot takes those with it that live in memory. */
export function printStrangers(host: ModelHost): string {
  return JSON.stringify([
    host.unitFiles.get('vendor'),
    host.units.get('vendor')?.run,
    host.namespaces.get('vpn'),
    host.machines.get('vm'),
    host.pairs.get('ve-vendor'),
    host.guard.get('ve-vendor'),
  ]);
}

export function checkStrangers(host: ModelHost, before: string): void {
  if (host.boots === 1) check(printStrangers(host) === before, 'strangers', printStrangers(host));
  else check(host.unitFiles.get('vendor') !== undefined, 'strangers', 'the unit of another is gone');
}

export function removeStrangers(host: ModelHost): void {
  for (const things of [host.unitFiles, host.units]) things.delete('vendor');
  host.namespaces.delete('vpn');
  host.machines.delete('vm');
  host.pairs.delete('ve-vendor');
  host.guard.delete('ve-vendor');
}
