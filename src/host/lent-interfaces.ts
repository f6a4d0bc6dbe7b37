import { randomBytes } from 'node:crypto';
import { NspawndError } from '../errors.ts';
import type { LentInterface } from '../planning/observed.ts';
import { burntIn, findLent, selectorOf } from './find-lent.ts';
import { type IpDevice, indexWord, ipDevice, ipDeviceAt, ipDevices, setDevice } from './ip-device.ts';
import { type LentRecord, LentRecords } from './lent-record.ts';

/**
 * Interfaces of the host that are a guest's while it runs. Whatever the guest did to one, the host gets it back under its
 * own name, up if it was up: explicitly, because a virtual interface dies with the namespace it is in.
 *
 * Each part may be the last one before nspawnd is killed, and each may be done twice.
 */
export class LentInterfaces {
  readonly records: LentRecords;

  constructor(runtimeDirectory: string) {
    this.records = new LentRecords(runtimeDirectory);
  }

  async observe(container: string): Promise<readonly LentInterface[]> {
    const records = await this.records.of(container);
    if (records.length === 0) return [];
    const hosts = await this.#onHost(records);
    const inside = await Promise.all(records.map(record => inSandbox(container, record)));
    return records.map((record, index) => {
      const devices = inside[index];
      // The guest hides it. It is looked for in earnest when it has to come back.
      if (devices === undefined || devices === 'hidden') return { name: record.name, place: 'sandbox' };
      const place = findLent(record, devices, hosts);
      // One whose index is not on disk yet is not wholly given; giving it again completes that.
      const isHalfGiven = place.is === 'sandbox' && record.guestIndex === null;
      return { name: record.name, place: isHalfGiven ? 'host' : place.is };
    });
  }

  /** Moves them into the container's namespace; what the host does not have at the moment is left out. */
  async give(container: string, names: readonly string[], signal: AbortSignal): Promise<void> {
    if (names.length === 0) return;
    const records = await this.records.of(container);
    for (const name of names) {
      const known = records.find(record => record.name === name);
      const inside =
        known === undefined ? null : findLent(known, await this.#laidOpen(container, known, signal), []);
      if (inside?.is === 'sandbox') {
        if (known !== undefined)
          await this.records.add(container, { ...known, guestIndex: inside.device.index });
        continue;
      }
      const device = await ipDevice(null, name);
      if (device === null) continue;
      // What is on disk is how it was before anybody meddled with it, also where it came only half-way back.
      const record = known !== undefined && known.kind === device.kind ? known : recordOf(device);
      await this.records.add(container, { ...record, guestIndex: null });
      await setDevice(null, name, ['netns', container], signal);
      const moved = await ipDevice(container, name);
      if (moved !== null) await this.records.add(container, { ...record, guestIndex: moved.index });
    }
  }

  /** Gives all of them back to the host. */
  async takeBack(container: string, signal: AbortSignal): Promise<void> {
    for (const record of await this.records.of(container)) {
      const [devices, hosts] = await Promise.all([
        this.#laidOpen(container, record, signal),
        this.#onHost([record]),
      ]);
      const place = findLent(record, devices, hosts);
      if (place.is === 'sandbox') await this.#moveBack(container, record, place.device, signal);
      if (place.is === 'host' && place.device.name !== record.name) {
        await setDevice(null, selectorOf(place.device), ['down'], signal);
        await setDevice(null, selectorOf(place.device), ['name', record.name], signal);
      }
      if (place.is !== 'lost') await setDevice(null, record.name, [record.isUp ? 'up' : 'down'], signal);
      await this.records.drop(container, record.name);
    }
  }

  async #moveBack(
    container: string,
    record: LentRecord,
    device: IpDevice,
    signal: AbortSignal,
  ): Promise<void> {
    const taker = await ipDevice(null, record.name);
    if (taker !== null)
      throw new NspawndError(
        'InterfaceNameTaken',
        `${record.name} cannot come back from the guest: the host has another interface of that name now; rename or remove that one`,
      );
    const selector = selectorOf(device);
    const changes = [
      ['down'],
      ...(device.address === record.address || record.address === '' ? [] : [['address', record.address]]),
      ...(device.mtu === record.mtu ? [] : [['mtu', String(record.mtu)]]),
      ['alias', record.alias],
    ];
    for (const change of changes) {
      // What cannot be set to what it was is no reason to keep it.
      await setDevice(container, selector, change, signal).catch(() => undefined);
    }
    // Name and namespace in one request: nobody sees it on the host under the guest's name.
    await setDevice(container, selector, ['netns', String(process.pid), 'name', record.name], signal);
  }

  /** The host's interfaces that these records may be about; all of them only where a name is not found. */
  async #onHost(records: readonly LentRecord[]): Promise<readonly IpDevice[]> {
    const named = await Promise.all(records.map(({ name }) => ipDevice(null, name)));
    const isWhole = records.every(
      ({ permanentAddress }, index) => permanentAddress === '' || named[index] !== null,
    );
    return isWhole ? named.filter(device => device !== null) : ipDevices();
  }

  /** As `inSandbox`. What is called by the words that mean its index is renamed: nobody needs that any more. */
  async #laidOpen(container: string, record: LentRecord, signal: AbortSignal): Promise<readonly IpDevice[]> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const devices = await inSandbox(container, record);
      if (devices !== 'hidden') return devices;
      const decoy = indexWord(record.guestIndex ?? record.hostIndex);
      await setDevice(container, decoy, ['down', 'name', `x${randomBytes(4).toString('hex')}`], signal);
    }
    throw new NspawndError('CommandFailed', `the guest hides ${record.name}; it is looked for again`);
  }
}

const MAX_TRIES = 3;

/** What of the container's namespace may be this one; `hidden` as for `ipDeviceAt`. */
async function inSandbox(container: string, record: LentRecord): Promise<readonly IpDevice[] | 'hidden'> {
  const [named, indexed] = await Promise.all([
    record.guestIndex === null ? ipDevice(container, record.name) : null,
    ipDeviceAt(container, record.guestIndex ?? record.hostIndex),
  ]);
  if (indexed === 'hidden') return 'hidden';
  return [named, indexed].filter(device => device !== null);
}

function recordOf(device: IpDevice): LentRecord {
  return {
    name: device.name,
    kind: device.kind,
    hostIndex: device.index,
    guestIndex: null,
    address: device.address,
    permanentAddress: burntIn(device),
    mtu: device.mtu,
    alias: device.alias,
    isUp: device.isUp,
  };
}
