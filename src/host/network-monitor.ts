import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { NAMESPACES } from '../planning/sandbox.ts';

/** Where a change of the network was announced: a link of the host's, anything in another namespace, or its name. */
export type NetworkChange =
  | { readonly link: string }
  | { readonly namespaceId: number }
  | { readonly namespace: string };

/**
 * Wakes up when a link, an address or a route changes, here or in a namespace: one `ip monitor` for all containers instead
 * of asking every namespace again and again. A trigger only; what changed is read afresh.
 */
export class NetworkMonitor {
  readonly #onChange: (change: NetworkChange | null) => void;
  #child: ReturnType<typeof spawnMonitor> | null = null;
  #names: FSWatcher | null = null;
  #isStopped = false;
  #missed: NodeJS.Timeout | null = null;

  /** `onChange(null)`: announcements were missed, anything may have changed. */
  constructor(onChange: (change: NetworkChange | null) => void) {
    this.#onChange = onChange;
  }

  start(): void {
    // The kernel announces what happens in a namespace, but not that its name is taken away.
    mkdirSync(NAMESPACES, { recursive: true });
    this.#names = watch(NAMESPACES, (_event, name) =>
      this.#onChange(name === null ? null : { namespace: name }),
    );
    this.#names.on('error', () => this.#onChange(null));
    this.#spawn();
  }

  isWatching(): boolean {
    return this.#child !== null;
  }

  stop(): void {
    this.#isStopped = true;
    this.#names?.close();
    this.#child?.kill('SIGKILL');
  }

  #spawn(): void {
    const child = spawnMonitor();
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', line => {
      const change = parseChange(line);
      if (change !== null) this.#onChange(change);
    });
    // It goes on after it has missed announcements (ENOBUFS), and says so.
    createInterface({ input: child.stderr }).on('line', () => this.#miss());
    child.then(
      () => this.#restart(),
      () => this.#restart(),
    );
  }

  /** A guest that changes its network without a pause makes us miss some: it is not to have us look at everything as often. */
  #miss(): void {
    this.#missed ??= setTimeout(() => {
      this.#missed = null;
      if (!this.#isStopped) this.#onChange(null);
    }, MISSED_MS).unref();
  }

  #restart(): void {
    this.#child = null;
    if (this.#isStopped) return;
    this.#onChange(null);
    setTimeout(() => {
      if (!this.#isStopped) this.#spawn();
    }, RESTART_MS).unref();
  }
}

const RESTART_MS = 1000;
const MISSED_MS = 2000;

function spawnMonitor() {
  return execa('ip', ['-oneline', 'monitor', 'link', 'address', 'route', 'all-nsid'], {
    stdin: 'ignore',
    buffer: false,
  });
}

/** `[nsid current]7: ve-web@if2: <...>` or `[nsid 3]Deleted 10.0.0.1 dev eth0 ...`; null: about nothing that has a name of its own. */
export function parseChange(line: string): NetworkChange | null {
  if (LINK_LOCAL.test(line)) return null;
  const namespace = /^\[nsid (\d+)\]/.exec(line);
  if (namespace !== null) return { namespaceId: Number(namespace[1]) };
  // An interface comes, goes or changes: `7: eth1: <...>`. Addresses and routes matter on our own links only.
  const link =
    /^(?:\[nsid current\])?(?:Deleted )?\d+: ([^\s@:]+)[^\s]*: </.exec(line) ??
    /(?:^|[\s\]])(ve-[^\s@:]+)/.exec(line);
  return link === null ? null : { link: link[1] ?? '' };
}

/**
 * What every link gives itself for IPv6, a second or two after it has come up: nobody asks for it, and every guest that boots
 * would be looked at once more on its account. (Where IPv6 is forwarded, it takes the anycast address of its network, too.)
 */
const LINK_LOCAL =
  /^(?:\[nsid \w+\])?(?:Deleted )?(?:\d+: \S+\s+inet6 fe80:|(?:local |anycast )?fe80:|multicast ff00::\/8 )/;
