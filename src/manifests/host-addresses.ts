import { readFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { Worker } from 'node:worker_threads';

/**
 * The host's own addresses, as they were at the last look.
 *
 * The kernel answers only when nobody holds its one lock for networks, and somebody may for a minute (a guest that ends with
 * thousands of links). Node asks in the calling thread; so a thread of its own asks, and nobody waits for long: an older
 * answer is better than a controller that stands still.
 */
export class HostAddresses {
  readonly #read: () => Promise<readonly string[]>;
  #known: ReadonlySet<string> = new Set();
  #looking: Promise<void> | null = null;
  readonly #tables: () => string;
  /** The kernel's tables at the last look that was answered. */
  #seenTables = '';

  /** `tables`: what changes whenever the addresses do; not given, and the answers are not the kernel's: they always may. */
  constructor(
    read: () => Promise<readonly string[]> = readInThread,
    tables: () => string = read === readInThread ? readTables : () => '',
  ) {
    this.#read = read;
    this.#tables = tables;
  }

  /** The same set as long as the addresses are the same. */
  known(): ReadonlySet<string> {
    return this.#known;
  }

  /**
   * Looks again, or goes on with a look that has not ended; resolves after `patienceMs` in any case. Where the tables are
   * as they were, so are the addresses: a thread is worth 50 ms.
   */
  async look(patienceMs: number = PATIENCE_MS): Promise<void> {
    const tables = this.#tables();
    if (tables !== '' && tables === this.#seenTables && this.#looking === null) return;
    this.#looking ??= this.#read()
      .then(addresses => {
        const now = new Set(addresses);
        if (!isDeepStrictEqual(now, this.#known)) this.#known = now;
        this.#seenTables = tables;
      })
      .catch(() => {
        // Asked again at the next look, ignoring.
      })
      .finally(() => {
        this.#looking = null;
      });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>(resolve => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([this.#looking, patience]);
    clearTimeout(timer);
  }
}

const PATIENCE_MS = 1_000;

/** Every local address is in them. Reading them waits for no lock; proc_pid_net(5). Empty where they cannot be read. */
function readTables(): string {
  try {
    return ['/proc/net/fib_trie', '/proc/net/if_inet6'].map(path => readFileSync(path, 'latin1')).join();
  } catch {
    return '';
  }
}

/** Runs as it stands, without what the process was started with. */
const ASK = `
const { parentPort } = require('node:worker_threads');
parentPort.postMessage(require('node:os').networkInterfaces());
`;

function readInThread(): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(ASK, { eval: true, execArgv: [], stdout: false });
    // A look that never ends is no reason to stay.
    worker.unref();
    worker.once('message', interfaces => resolve(addressesIn(interfaces)));
    worker.once('error', reject);
  });
}

/** Those of our links are left out: they are containers' hostAddresses, which may be shared. */
function addressesIn(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): readonly string[] {
  return Object.entries(interfaces)
    .filter(([link]) => !link.startsWith('ve-'))
    .flatMap(([, addresses]) => addresses ?? [])
    .map(({ address }) => address);
}
