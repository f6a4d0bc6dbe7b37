import type { Listing } from './directory.ts';
import { type DirectoryIdentity, type IdentityProof, judgeIdentity } from './identity.ts';
import { loadIdentity, saveIdentity } from './identity-record.ts';
import type { Log } from './log.ts';
import type { Survey } from './survey.ts';

/** Knows which directory was accepted, in this boot and across restarts, and lets another one prove itself. */
export class IdentityKeeper {
  readonly #path: string;
  readonly #bootId: string;
  readonly #log: Log;
  #accepted: DirectoryIdentity | null = null;
  #proof: IdentityProof | null = null;

  constructor(path: string, bootId: string, log: Log) {
    this.#path = path;
    this.#bootId = bootId;
    this.#log = log;
  }

  async load(): Promise<void> {
    this.#accepted = await loadIdentity(this.#path);
  }

  /** Whether a scan looked at another directory than the one accepted, and when to look again. */
  look(
    listing: Listing,
    found: Survey,
    monotonicMs: number,
  ): { isReplaced: boolean; againInMs: number | null } {
    // What cannot be read is a fault of its own, and no proof of anything.
    if (listing.state !== 'ok') {
      this.#proof = null;
      return { isReplaced: false, againInMs: null };
    }
    const { isAccepted, proof, againInMs } = judgeIdentity({
      recorded: this.#accepted,
      found: listing.identity,
      bootId: this.#bootId,
      isFullyRead: found.namelessFiles.length === 0 && found.pendingFiles.length === 0,
      knownNames: found.known.size,
      knownNamesInIt: [...found.known].filter(name => found.byName.has(name)).length,
      content: [...found.byName.keys()].sort().join('\n'),
      proof: this.#proof,
      monotonicMs,
    });
    this.#proof = proof;
    if (isAccepted) this.#accept(listing.identity);
    return { isReplaced: !isAccepted, againInMs };
  }

  #accept(identity: string): void {
    const before = this.#accepted;
    if (before?.identity === identity && before.bootId === this.#bootId) return;
    this.#accepted = { identity, bootId: this.#bootId };
    if (before?.bootId === this.#bootId) this.#log.info({}, 'the replaced manifests directory was accepted');
    saveIdentity(this.#path, this.#accepted).catch(err =>
      this.#log.warn({ err }, 'the identity of the manifests directory could not be recorded, ignoring'),
    );
  }
}
