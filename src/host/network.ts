import { stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { NspawndError } from '../errors.ts';
import { hostLinkName } from '../planning/link-name.ts';
import type { LinkFacts, SandboxFacts } from '../planning/observed.ts';
import { GUEST_LINK, linkAlias, namespacePath } from '../planning/sandbox.ts';
import type { SandboxSpec } from '../planning/step.ts';
import { run } from './command.ts';
import { exists, listDirectory, lstatIfExists, makeDirectoryFor, removeFile } from './files.ts';
import { type IpLink, type IpRoute, ipBatch, ipRemove, ipShow, ipVethLinks } from './ip.ts';
import { applyLinkSettings, areLinkSettingsRight } from './link-settings.ts';
import {
  guestLines,
  hostLines,
  ROUTE_PROTOCOL,
  staleGuestLines,
  staleHostLines,
  withoutPrefix,
} from './sandbox-lines.ts';
import type { SourceGuard } from './source-guard.ts';

/** statfs(2) of a file in /run/netns that really is a namespace. */
const NSFS_MAGIC = 0x6e736673;

/** The network sandboxes: a named namespace, a veth pair, addresses and routes on both sides, and the source guard. */
export class Network {
  readonly #marks: string;
  readonly #guard: SourceGuard;
  /** What was seen and has not been announced to have changed since; see `invalidate`. */
  readonly #seen = new Map<string, Pick<SandboxFacts, 'hostLink' | 'guestLink'>>();
  readonly #namesById = new Map<number, string>();
  #generation = 0;

  constructor(runtimeDirectory: string, guard: SourceGuard) {
    this.#marks = `${runtimeDirectory}/sandboxes`;
    this.#guard = guard;
  }

  /** `isWatched`: changes are announced to `invalidate`, so that what was seen stays true until then. */
  async observe(name: string, leader: number | null, isWatched: boolean): Promise<SandboxFacts> {
    const hostLink = hostLinkName(name);
    const [namespace, builtAt, links, guard, own, joined, hosts] = await Promise.all([
      this.#namespaceState(name),
      this.#builtAt(name),
      this.#links(name, hostLink, isWatched),
      this.#guard.addresses(hostLink),
      namespaceInode(namespacePath(name)),
      leader === null ? null : namespaceInode(`/proc/${leader}/ns/net`),
      leader === null ? null : namespaceInode('/proc/self/ns/net'),
    ]);
    const isOurs =
      builtAt !== null ||
      links.guestLink?.alias === linkAlias(name) ||
      links.hostLink?.alias === linkAlias(name);
    const state = namespace === 'present' ? (isOurs ? 'ours' : 'foreign') : namespace;
    return {
      ...links,
      namespace: state,
      builtAt,
      guard,
      isJoined: joined === null || own === null || state !== 'ours' ? null : joined === own,
      isPrivate: joined === null || hosts === null ? null : joined !== hosts,
    };
  }

  /** Makes it so, from whatever is there; what is already right is not touched. */
  async build(name: string, spec: SandboxSpec, keepNamespace: boolean, signal: AbortSignal): Promise<void> {
    this.invalidate(name);
    // The guard is where an address that is to leave the guest is remembered: it lets go of it when it has left.
    const stale = spec.staleGuestAddresses.map(withoutPrefix);
    const guard = this.#guard.set(spec.hostLink, [...spec.guard, ...stale]);
    const built = this.#buildLinks(name, spec, keepNamespace, signal);
    // Both are awaited whatever happens, so that nothing goes on behind a failed step.
    const results = await Promise.allSettled([guard, built]);
    this.invalidate(name);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    if (stale.length > 0) await this.#guard.set(spec.hostLink, spec.guard);
  }

  /** Gives the namespace a running guest sits in its name back. */
  async attach(name: string, leader: number, signal: AbortSignal): Promise<void> {
    const [guests, hosts] = await Promise.all([
      namespaceInode(`/proc/${leader}/ns/net`),
      namespaceInode('/proc/self/ns/net'),
    ]);
    if (guests === null || guests === hosts) return;
    await this.#removeStaleName(name);
    if ((await this.#namespaceState(name)) === 'present') return;
    await run('ip', ['netns', 'attach', name, String(leader)], { signal });
    this.invalidate(name);
  }

  /** Removes what carries our mark: the pair (its guest end goes with it), the name of the namespace, the guard. */
  async remove(name: string, signal: AbortSignal): Promise<void> {
    const facts = await this.observe(name, null, false);
    const hostLink = hostLinkName(name);
    const lines = [
      ...(facts.hostLink?.alias === linkAlias(name) ? [`link del dev ${hostLink}`] : []),
      ...(facts.namespace === 'ours' ? [`netns del ${name}`] : []),
    ];
    await ipBatch(null, lines, signal);
    await this.#removeStaleName(name);
    await this.#guard.set(hostLink, []);
    await removeFile(this.#markPath(name));
    this.invalidate(name);
  }

  /** The container whose namespace the kernel calls by this id, as far as its link has been seen. */
  nameOfNamespace(id: number): string | undefined {
    return this.#namesById.get(id);
  }

  /** Something of this name (of anything: null) changed. */
  invalidate(name: string | null): void {
    this.#generation++;
    if (name === null) this.#seen.clear();
    else this.#seen.delete(name);
    if (name === null) this.#guard.invalidate();
  }

  /** Names that have a sandbox of ours, by our mark files and by the aliases of the links. */
  async names(): Promise<readonly string[]> {
    const [marked, links] = await Promise.all([listDirectory(this.#marks), ipVethLinks()]);
    const prefix = linkAlias('');
    const aliased = links
      .filter(link => link.alias.startsWith(prefix))
      .map(link => link.alias.slice(prefix.length));
    return [...new Set([...marked, ...aliased])];
  }

  async #buildLinks(
    name: string,
    spec: SandboxSpec,
    keepNamespace: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#removeStaleName(name);
    const [host, namespace, builtAt] = await Promise.all([
      this.#hostLink(spec.hostLink, name),
      this.#namespaceState(name),
      this.#builtAt(name),
    ]);
    const guest = namespace === 'present' ? await guestLink(name) : null;
    refuseForeign(
      name,
      host,
      namespace === 'present' &&
        builtAt === null &&
        guest?.alias !== spec.alias &&
        host?.alias !== spec.alias,
    );

    const isFresh = namespace === 'absent';
    const needsPair = host === null || guest === null;
    // Its name vanished since the plan was made; the next plan gives it back.
    if (isFresh && keepNamespace) return;
    // The mark comes before what it marks: a kill in between leaves nothing that looks foreign.
    if (isFresh || builtAt === null) await this.#mark(name);
    if (!needsPair) {
      await Promise.all([
        ipRemove(null, staleHostLines(spec, host), signal),
        ipRemove(name, staleGuestLines(spec, guest), signal),
      ]);
    }
    await ipBatch(null, hostLines(name, spec, host, { needsNamespace: isFresh, needsPair }), signal);
    await Promise.all([applyLinkSettings(spec.hostLink), ipBatch(name, guestLines(spec), signal)]);
  }

  async #links(
    name: string,
    hostLink: string,
    isWatched: boolean,
  ): Promise<Pick<SandboxFacts, 'hostLink' | 'guestLink'>> {
    const seen = this.#seen.get(name);
    if (isWatched && seen !== undefined) return seen;
    const generation = this.#generation;
    const [host, guest] = await Promise.all([this.#hostLink(hostLink, name), guestLink(name)]);
    const found = { hostLink: host, guestLink: guest };
    if (isWatched && generation === this.#generation) this.#seen.set(name, found);
    return found;
  }

  async #hostLink(link: string, name: string): Promise<LinkFacts | null> {
    if (!(await exists(`/sys/class/net/${link}`))) return null;
    const [shown, areSettingsRight] = await Promise.all([ipShow(null, link), areLinkSettingsRight(link)]);
    if (shown === null) return null;
    if (shown.link.peerNamespaceId !== null) this.#namesById.set(shown.link.peerNamespaceId, name);
    return linkFacts(shown.link, shown.routes, areSettingsRight);
  }

  async #namespaceState(name: string): Promise<'present' | 'absent' | 'stale'> {
    const path = namespacePath(name);
    if (!(await exists(path))) return 'absent';
    return (await isNamespace(path)) ? 'present' : 'stale';
  }

  /** A file in /run/netns that is no namespace: what a service with its own mount namespace leaves. */
  async #removeStaleName(name: string): Promise<void> {
    if ((await this.#namespaceState(name)) === 'stale') await removeFile(namespacePath(name));
  }

  async #builtAt(name: string): Promise<number | null> {
    const stat = await lstatIfExists(this.#markPath(name));
    return stat === null ? null : Number(stat.mtimeMs);
  }

  async #mark(name: string): Promise<void> {
    const path = this.#markPath(name);
    await makeDirectoryFor(path);
    await writeFile(path, '');
    const now = new Date();
    await utimes(path, now, now);
  }

  #markPath(name: string): string {
    return `${this.#marks}/${name}`;
  }
}

async function guestLink(name: string): Promise<LinkFacts | null> {
  if (!(await isNamespace(namespacePath(name)))) return null;
  const shown = await ipShow(name, GUEST_LINK);
  return shown === null ? null : linkFacts(shown.link, shown.routes, true);
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

function linkFacts(link: IpLink, routes: readonly IpRoute[], areSettingsRight: boolean): LinkFacts {
  return {
    name: link.name,
    alias: link.alias,
    isUp: link.isUp,
    addresses: link.addresses
      .filter(({ scope }) => scope !== 'link')
      .map(({ address, prefix }) => `${address}/${prefix}`),
    routes: routes.filter(route => route.protocol === ROUTE_PROTOCOL).map(routeText),
    areSettingsRight,
  };
}

function routeText(route: IpRoute): string {
  return route.gateway === null ? route.destination : `${route.destination} via ${route.gateway}`;
}

async function isNamespace(path: string): Promise<boolean> {
  try {
    return (await statfs(path)).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

async function namespaceInode(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
