import { type IpDevice, indexWord } from './ip-device.ts';
import type { LentRecord } from './lent-record.ts';

/** Where an interface that was lent is now; pure, so that it can be tried with what a guest might do to it. */
export type LentPlace =
  | { readonly is: 'sandbox'; readonly device: IpDevice }
  | { readonly is: 'host'; readonly device: IpDevice }
  | { readonly is: 'lost' };

/**
 * Looks in the guest's namespace first. There the name says nothing once a guest has run: the index does. On the host it
 * is found by its name, or, where the kernel took it back from a dead namespace under another one, by its burnt-in address.
 */
export function findLent(
  record: LentRecord,
  inSandbox: readonly IpDevice[],
  onHost: readonly IpDevice[],
): LentPlace {
  const guests = inSandbox.find(device => isIn(record, device));
  if (guests !== undefined) return { is: 'sandbox', device: guests };
  const named = onHost.find(device => device.name === record.name && isSame(record, device));
  if (named !== undefined) return { is: 'host', device: named };
  const burnt = onHost.find(
    device => record.permanentAddress !== '' && burntIn(device) === record.permanentAddress,
  );
  return burnt === undefined ? { is: 'lost' } : { is: 'host', device: burnt };
}

/** How to call a device in a guest's namespace so that nothing a guest named it can be misread; iproute2, if%d. */
export function selectorOf(device: IpDevice): string {
  return /^[A-Za-z0-9_][-A-Za-z0-9_.]*$/.test(device.name) ? device.name : indexWord(device.index);
}

/** iproute2 leaves the permanent address out where it is the one in use. */
export function burntIn(device: IpDevice): string {
  return device.permanentAddress !== '' ? device.permanentAddress : device.kind === '' ? device.address : '';
}

function isIn(record: LentRecord, device: IpDevice): boolean {
  if (!isSame(record, device)) return false;
  if (record.guestIndex !== null) return device.index === record.guestIndex;
  // nspawnd died right after it was moved: no guest has had time for much.
  return (
    device.name === record.name || (device.index === record.hostIndex && device.address === record.address)
  );
}

function isSame(record: LentRecord, device: IpDevice): boolean {
  if (device.kind !== record.kind) return false;
  // A changed address in use hides behind a permanent one, which iproute2 shows then.
  return record.permanentAddress === '' || burntIn(device) === record.permanentAddress;
}
