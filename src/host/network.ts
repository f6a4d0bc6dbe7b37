import { statfsSync, statSync } from 'node:fs';
import { NspawndError } from '../errors.ts';
import { hostLinkName } from '../planning/link-name.ts';
import type { HostInterfaceFacts, LinkFacts, SandboxFacts } from '../planning/observed.ts';
import { linkAlias, namespacePath } from '../planning/sandbox.ts';
import type { MacvlanSpec, SandboxSpec, StepArguments } from '../planning/step.ts';
import { run } from './command.ts';
import { exists, removeFile } from './files.ts';
import { hostInterface, interfaceIndex } from './host-interface.ts';
import { ipBatch, ipRemove, ipShow, ipVethLinks } from './ip.ts';
import { type IpDevice, ipMacvlans } from './ip-device.ts';
import { LentInterfaces } from './lent-interfaces.ts';
import { guestLinkFacts, hasAlias, linkFacts } from './link-facts.ts';
import { applyLinkSettings, areLinkSettingsRight } from './link-settings.ts';
import {
  guestLines,
  hostLines,
  macvlanGuestLines,
  macvlanLines,
  staleGuestLines,
  staleHostLines,
  withOwner,
  withoutPrefix,
} from './sandbox-lines.ts';
import { SandboxMarks } from './sandbox-mark.ts';
import type { SourceGuard } from './source-guard.ts';

/** What of the host's interfaces a manifest speaks of. */
export interface WantedDevices {
  readonly macvlans: readonly string[];
  readonly interfaces: readonly string[];
}

const NO_DEVICES: WantedDevices = { macvlans: [], interfaces: [] };

/** statfs(2) of a file in /run/netns that really is a namespace. */
const NSFS_MAGIC = 0x6e736673;

/** The network sandboxes: a named namespace, a veth pair, addresses and routes on both sides, and the source guard. */
export class Network {
  readonly #marks: SandboxMarks;
  readonly #lent: LentInterfaces;
  readonly #guard: SourceGuard;
  /** What was seen and has not been announced to have changed since; see `invalidate`. */
  readonly #seen = new Map<string, Pick<SandboxFacts, 'hostLink' | 'guestLink'>>();
  readonly #namesById = new Map<number, string>();
  /** Who looks at the links of a container; whoever is not in here any more has seen what was before a change. */
  readonly #looking = new Map<string, symbol>();

  constructor(runtimeDirectory: string, guard: SourceGuard) {
    this.#marks = new SandboxMarks(runtimeDirectory);
    this.#lent = new LentInterfaces(runtimeDirectory);
    this.#guard = guard;
  }

  /** `isWatched`: changes are announced to `invalidate`, so that what was seen stays true until then. */
  async observe(
    name: string,
    leader: number | null,
    isWatched: boolean,
    wanted: WantedDevices = NO_DEVICES,
  ): Promise<SandboxFacts> {
    const hostLink = hostLinkName(name);
    const marking = this.#marks.read(name);
    const [mark, namespace, devices, links, guard] = await Promise.all([
      marking,
      this.#namespaceState(name),
      marking.then(found => this.#devices(name, wanted, found?.macvlans ?? [])),
      this.#links(name, hostLink, isWatched),
      this.#guard.addresses(hostLink),
    ]);
    const own = namespaceInode(namespacePath(name));
    const joined = leader === null ? null : namespaceInode(`/proc/${leader}/ns/net`);
    const hosts = leader === null ? null : namespaceInode('/proc/self/ns/net');
    const builtAfter = mark?.builtAfter ?? null;
    const isOurs =
      builtAfter !== null ||
      hasAlias(links.guestLink, linkAlias(name)) ||
      hasAlias(links.hostLink, linkAlias(name));
    const state = namespace === 'present' ? (isOurs ? 'ours' : 'foreign') : namespace;
    return {
      ...links,
      ...devices,
      namespace: state,
      builtAfter,
      guard,
      isJoined: joined === null || own === null || state !== 'ours' ? null : joined === own,
      isPrivate: joined === null || hosts === null ? null : joined !== hosts,
    };
  }

  /** Makes it so, from whatever is there; what is already right is not touched. */
  async build(name: string, order: StepArguments['buildSandbox'], signal: AbortSignal): Promise<void> {
    const { sandbox: spec } = order;
    this.invalidate(name);
    // The guard is where an address that is to leave the guest is remembered: it lets go of it when it has left.
    const stale = spec.staleGuestAddresses.map(withoutPrefix);
    const guard = this.#guard.set(spec.hostLink, [...spec.guard, ...stale]);
    const built = this.#buildLinks(name, order, signal);
    // Both are awaited whatever happens, so that nothing goes on behind a failed step.
    const results = await Promise.allSettled([guard, built]);
    this.invalidate(name);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    if (stale.length > 0) await this.#guard.set(spec.hostLink, spec.guard);
  }

  /** Gives the namespace a running guest sits in its name back. */
  async attach(name: string, leader: number, signal: AbortSignal): Promise<void> {
    const guests = namespaceInode(`/proc/${leader}/ns/net`);
    const hosts = namespaceInode('/proc/self/ns/net');
    if (guests === null || guests === hosts) return;
    await this.#removeStaleName(name);
    if ((await this.#namespaceState(name)) === 'present') return;
    await this.#marks.ensure(name);
    await run('ip', ['netns', 'attach', name, String(leader)], { signal });
    this.invalidate(name);
  }

  /** Removes what carries our mark: the pair (its guest end goes with it), the name of the namespace, the guard. */
  async remove(name: string, signal: AbortSignal): Promise<void> {
    // Virtual interfaces would die with the namespace.
    await this.#lent.takeBack(name, signal);
    const facts = await this.observe(name, null, false);
    const hostLink = hostLinkName(name);
    const lines = [
      ...(facts.hostLink?.alias === linkAlias(name) ? [`link del dev ${hostLink}`] : []),
      ...(facts.namespace === 'ours' ? [`netns del ${name}`] : []),
    ];
    await ipBatch(null, lines, signal);
    await this.#removeStaleName(name);
    await this.#guard.set(hostLink, []);
    await this.#marks.remove(name);
    for (const [id, known] of this.#namesById) if (known === name) this.#namesById.delete(id);
    this.invalidate(name);
  }

  /** The container whose namespace the kernel calls by this id, as far as its link has been seen. */
  nameOfNamespace(id: number): string | undefined {
    return this.#namesById.get(id);
  }

  /** Something of this name (of anything: null) changed. */
  invalidate(name: string | null): void {
    if (name === null) {
      this.#seen.clear();
      this.#looking.clear();
      this.#guard.invalidate();
    } else {
      this.#seen.delete(name);
      this.#looking.delete(name);
    }
  }

  /** Something changed in a namespace that is nobody's, as far as is known: it may be that of one who is being looked at. */
  invalidateUnknown(): void {
    if (this.#looking.size === 0) return;
    const known = new Set(this.#namesById.values());
    for (const name of this.#looking.keys()) if (!known.has(name)) this.#looking.delete(name);
  }

  /** Names that have a sandbox of ours, by our mark files and by the aliases of the links. */
  async names(): Promise<readonly string[]> {
    const [marked, lending, links] = await Promise.all([
      this.#marks.names(),
      this.#lent.records.containers(),
      ipVethLinks(),
    ]);
    const prefix = linkAlias('');
    const aliased = links
      .filter(link => link.alias.startsWith(prefix))
      .map(link => link.alias.slice(prefix.length));
    return [...new Set([...marked, ...lending, ...aliased])];
  }

  async #buildLinks(
    name: string,
    { sandbox: spec, keepNamespace, after }: StepArguments['buildSandbox'],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#removeStaleName(name);
    const [host, namespace, mark] = await Promise.all([
      spec.hasPair ? this.#hostLink(spec.hostLink, name) : null,
      this.#namespaceState(name),
      this.#marks.read(name),
    ]);
    const guest = spec.hasPair && namespace === 'present' ? await this.#guestLink(name) : null;
    refuseForeign(
      name,
      host,
      namespace === 'present' && mark === null && !hasAlias(guest, spec.alias) && !hasAlias(host, spec.alias),
    );

    const isFresh = namespace === 'absent';
    const needsPair = spec.hasPair && (host === null || guest === null);
    // Its name vanished since the plan was made; the next plan gives it back.
    if (isFresh && keepNamespace) return;
    // The mark comes before what it marks: a kill in between leaves nothing that looks foreign.
    const macvlans = spec.macvlans.map(({ parent }) => parent);
    if (isFresh || mark === null) await this.#marks.put(name, { builtAfter: after, macvlans });
    else if (macvlans.some(parent => !mark.macvlans.includes(parent)))
      await this.#marks.put(name, { ...mark, macvlans: [...new Set([...mark.macvlans, ...macvlans])] });
    if (host !== null && guest !== null) {
      await Promise.all([
        ipRemove(null, staleHostLines(spec, host), signal),
        ipRemove(name, staleGuestLines(spec, guest), signal),
      ]);
    }
    await ipBatch(null, hostLines(name, spec, host, { needsNamespace: isFresh, needsPair }), signal);
    if (spec.hasPair) applyLinkSettings(spec.hostLink);
    await ipBatch(name, guestLines(spec), signal);
    await this.#addDevices(name, spec, signal);
  }

  /** Macvlans are made in the namespace itself: none is ever on the host, and so none is left there. */
  async #addDevices(name: string, spec: SandboxSpec, signal: AbortSignal): Promise<void> {
    if (spec.macvlans.length > 0) {
      const there = await macvlanParents(await ipMacvlans(name), spec.macvlans);
      const missing: MacvlanSpec[] = [];
      for (const macvlan of spec.macvlans) {
        const hasParent = await exists(`/sys/class/net/${macvlan.parent}`);
        if (hasParent && !there.includes(macvlan.parent)) missing.push(macvlan);
      }
      await ipBatch(null, macvlanLines(name, missing), signal);
      await ipBatch(name, macvlanGuestLines(missing, spec.alias), signal);
    }
    await this.#lent.give(name, spec.interfaces, signal);
  }

  async #devices(
    name: string,
    wanted: WantedDevices,
    madeOn: readonly string[],
  ): Promise<Pick<SandboxFacts, 'macvlans' | 'hostInterfaces' | 'lent'>> {
    const names = [...wanted.macvlans, ...wanted.interfaces];
    const isLending = (await this.#lent.records.of(name)).length > 0;
    if (names.length === 0 && madeOn.length === 0 && !isLending)
      return { macvlans: [], hostInterfaces: [], lent: [] };
    const parents = [...new Set([...wanted.macvlans, ...madeOn])].map(parent => ({ parent }));
    const devices = parents.length === 0 ? [] : await ipMacvlans(name);
    const [macvlans, hostInterfaces, lent] = await Promise.all([
      macvlanParents(devices, parents),
      Promise.all(names.map(wantedName => this.#hostInterface(wantedName, name))),
      this.#lent.observe(name),
    ]);
    return { macvlans, hostInterfaces, lent };
  }

  async #hostInterface(interfaceName: string, container: string): Promise<HostInterfaceFacts> {
    const facts = await hostInterface(interfaceName);
    if (facts.state !== 'missing') return facts;
    const holder = await this.#lent.records.holder(interfaceName, container);
    return holder === null
      ? facts
      : { ...facts, detail: `${interfaceName} is container ${holder}'s for now` };
  }

  async #links(
    name: string,
    hostLink: string,
    isWatched: boolean,
  ): Promise<Pick<SandboxFacts, 'hostLink' | 'guestLink'>> {
    const seen = this.#seen.get(name);
    if (isWatched && seen !== undefined) return seen;
    const look = Symbol(name);
    this.#looking.set(name, look);
    const [host, guest] = await Promise.all([this.#hostLink(hostLink, name), this.#guestLink(name)]);
    const found = { hostLink: host, guestLink: guest };
    const isUpToDate = this.#looking.get(name) === look;
    if (isUpToDate) this.#looking.delete(name);
    if (isUpToDate && isWatched && guest !== 'unreadable') this.#seen.set(name, found);
    return found;
  }

  async #hostLink(link: string, name: string): Promise<LinkFacts | null> {
    if (!(await exists(`/sys/class/net/${link}`))) return null;
    const [shown, areSettingsRight] = await Promise.all([ipShow(null, link), areLinkSettingsRight(link)]);
    if (shown === null) return null;
    if (shown.link.peerNamespaceId !== null) this.#namesById.set(shown.link.peerNamespaceId, name);
    return linkFacts({ ...shown, link: withOwner(shown.link, name) }, areSettingsRight);
  }

  async #guestLink(name: string): Promise<SandboxFacts['guestLink']> {
    return isNamespace(namespacePath(name)) ? await guestLinkFacts(name) : null;
  }

  async #namespaceState(name: string): Promise<'present' | 'absent' | 'stale'> {
    const path = namespacePath(name);
    if (!(await exists(path))) return 'absent';
    return isNamespace(path) ? 'present' : 'stale';
  }

  /** A file in /run/netns that is no namespace: what a service with its own mount namespace leaves. */
  async #removeStaleName(name: string): Promise<void> {
    if ((await this.#namespaceState(name)) === 'stale') await removeFile(namespacePath(name));
  }
}

/** On which of these interfaces of the host the namespace has a macvlan: by index, which no guest can change. */
async function macvlanParents(
  devices: readonly IpDevice[],
  macvlans: readonly { readonly parent: string }[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { parent } of macvlans) {
    const index = await interfaceIndex(parent);
    const isOn = ({ kind, parentIndexElsewhere }: IpDevice) =>
      kind === 'macvlan' && parentIndexElsewhere === index;
    if (index !== null && devices.some(isOn)) found.push(parent);
  }
  return found;
}

function refuseForeign(name: string, host: LinkFacts | null, isNamespaceForeign: boolean): void {
  if (host !== null && host.alias !== linkAlias(name)) {
    throw new NspawndError(
      'ForeignLink',
      `the link ${host.name} was not made by nspawnd; remove it or rename the container`,
    );
  }
  if (isNamespaceForeign) {
    throw new NspawndError(
      'ForeignNamespace',
      `${namespacePath(name)} was not made by nspawnd; remove it or rename the container`,
    );
  }
}

/** Both of these ask the kernel only, about what is in memory: asking at once costs least. */
function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

function namespaceInode(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
