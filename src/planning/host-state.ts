/** The artefacts that belong to the host and not to one container: planned under a key of their own. */

/** One line of a hosts file. */
export interface HostsEntry {
  readonly address: string;
  readonly names: readonly string[];
}

export interface HostDesired {
  /** Sorted by name, then family. */
  readonly hosts: readonly HostsEntry[];
}

export interface HostObserved {
  readonly isStopping: boolean;
  /** Our block in the hosts file as text without markers; null where there is none. */
  readonly hostsBlock: string | null;
  /** Guests whose own hosts file does not have the wanted block, given that block. */
  readonly guestBlocks: Readonly<Record<string, string>>;
}
