import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { isErrorCode } from '../errors.ts';
import { runShort } from './short-command.ts';

/**
 * Frames that leave a guest with a foreign source address are dropped where they enter the host: a guest cannot be its
 * neighbour. rp_filter would do for IPv4 where `all.rp_filter` lets it; there is no such thing for IPv6.
 *
 * One nftables table of ours, `inet nspawnd`: a set of the guarded links and one of the pairs that may pass.
 */
const TABLE = 'nspawnd';

const RULESET = `
add table inet ${TABLE}
delete table inet ${TABLE}
table inet ${TABLE} {
  comment "made by nspawnd: a guest may only send from its own addresses"
  set links { type ifname; }
  set sources4 { type ifname . ipv4_addr; }
  set sources6 { type ifname . ipv6_addr; }
  chain prerouting {
    type filter hook prerouting priority raw; policy accept;
    iifname @links ip saddr != 0.0.0.0 iifname . ip saddr != @sources4 drop
    iifname @links ip6 saddr != fe80::/10 ip6 saddr != :: iifname . ip6 saddr != @sources6 drop
  }
}
`;

export class SourceGuard {
  /** Link -> addresses let through, as the kernel last said; null: not read since something may have changed. */
  #known: Promise<Elements | null> | null = null;
  #invalidations = 0;
  #isAvailable = true;
  #lastChange: Promise<unknown> = Promise.resolve();
  readonly #nft: string;

  constructor(nft = 'nft') {
    this.#nft = nft;
  }

  /** False where there is no nft; rp_filter alone guards IPv4 then. */
  isAvailable(): boolean {
    return this.#isAvailable;
  }

  /** Makes the table where there is none. */
  async start(): Promise<void> {
    try {
      await this.#readOrCreate();
    } catch (error) {
      if (!isErrorCode(error, 'CommandMissing') && !isErrorCode(error, 'CommandFailed')) throw error;
      this.#isAvailable = false;
    }
  }

  /** Forgets what was read: the next look asks the kernel. */
  invalidate(): void {
    this.#known = null;
    this.#invalidations++;
  }

  async addresses(link: string): Promise<readonly string[]> {
    if (!this.#isAvailable) return [];
    // What is read while a change is on its way may be from before it.
    if (this.#known === null) await this.#lastChange;
    return (await this.#read())?.get(link) ?? [];
  }

  /** Lets exactly these source addresses out of the link; none: the link is not guarded at all. */
  set(link: string, addresses: readonly string[]): Promise<void> {
    const change = this.#lastChange.then(() => this.#set(link, addresses));
    this.#lastChange = change.catch(() => undefined);
    return change;
  }

  async #set(link: string, addresses: readonly string[]): Promise<void> {
    if (!this.#isAvailable) return;
    const elements = await this.#readOrCreate();
    const before = elements.get(link) ?? [];
    const removed = before.filter(address => !addresses.includes(address));
    const lines = [
      ...removed.map(address => element('delete', setOf(address), `"${link}" . ${address}`)),
      ...addresses
        .filter(address => !before.includes(address))
        .map(address => element('add', setOf(address), `"${link}" . ${address}`)),
      ...(addresses.length > 0 ? [element('add', 'links', `"${link}"`)] : []),
      ...(addresses.length === 0 && before.length > 0 ? [element('delete', 'links', `"${link}"`)] : []),
    ];
    if (lines.length === 0) return;
    const invalidations = this.#invalidations;
    this.#known = null;
    await this.#change(`${lines.join('\n')}\n`);
    if (invalidations === this.#invalidations)
      this.#known = Promise.resolve(new Map([...elements, [link, addresses]]));
  }

  async #readOrCreate(): Promise<Elements> {
    const found = await this.#read();
    if (found !== null) return found;
    await this.#change(RULESET);
    const empty: Elements = new Map();
    this.#known = Promise.resolve(empty);
    return empty;
  }

  async #change(script: string): Promise<void> {
    await runShort(this.#nft, ['-f', '-'], { input: script });
  }

  #read(): Promise<Elements | null> {
    this.#known ??= readElements(this.#nft).catch(error => {
      this.#known = null;
      throw error;
    });
    return this.#known;
  }
}

type Elements = ReadonlyMap<string, readonly string[]>;

function element(verb: 'add' | 'delete', set: string, value: string): string {
  return `${verb} element inet ${TABLE} ${set} { ${value} }`;
}

function setOf(address: string): string {
  return isIPv6(address) ? 'sources6' : 'sources4';
}

const listingSchema = z.object({
  nftables: z.array(
    z.looseObject({ set: z.object({ name: z.string(), elem: z.array(z.unknown()).default([]) }).optional() }),
  ),
});
const pairSchema = z.object({ concat: z.tuple([z.string(), z.string()]) });

/** Null: there is no table of ours. */
async function readElements(nft: string): Promise<Elements | null> {
  const { stdout, exitCode } = await runShort(nft, ['-j', 'list', 'table', 'inet', TABLE], {
    accept: [0, 1],
  });
  if (exitCode !== 0) return null;
  const byLink = new Map<string, string[]>();
  for (const { set } of listingSchema.parse(JSON.parse(stdout)).nftables) {
    if (set === undefined || !set.name.startsWith('sources')) continue;
    for (const item of set.elem) {
      const [link, address] = pairSchema.parse(item).concat;
      byLink.set(link, [...(byLink.get(link) ?? []), address]);
    }
  }
  return byLink;
}
