import type { NetworkInterfaceInfo } from 'node:os';
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

  constructor(read: () => Promise<readonly string[]> = readInThread) {
    this.#read = read;
  }

  known(): ReadonlySet<string> {
    return this.#known;
  }

  /** Looks again, or goes on with a look that has not ended; resolves after `patienceMs` in any case. */
  async look(patienceMs: number = PATIENCE_MS): Promise<void> {
    this.#looking ??= this.#read()
      .then(addresses => {
        this.#known = new Set(addresses);
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
