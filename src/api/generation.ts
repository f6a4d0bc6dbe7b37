/** One of the systems that Nix has made for a container; the number is Nix's own. */
export interface Generation {
  readonly number: number;
  /** RFC 3339. */
  readonly createdAt: string;
  /** `/nix/store/HASH-NAME`. */
  readonly closure: string;
  /** The profile leads to it: the next start boots it. */
  readonly isCurrent: boolean;
}

/** A system made by Nix, as a container's status shows it. */
export interface NixStatus {
  /** What the next start boots; absent while there is none. */
  readonly closure?: string;
  readonly generation?: number;
  /** What the guest runs; absent while it is down, and where a switch failed half-way. */
  readonly runningClosure?: string;
  /** RFC 3339; when the newest `update` or `rollback` that has begun was asked for. */
  readonly updateRequestedAt?: string;
  readonly lastSwitch?: {
    readonly closure: string;
    readonly isGood: boolean;
    /** In words: `exited with status 1 (by the guest's systemd)`. */
    readonly how: string;
    readonly output: string;
    /** RFC 3339. */
    readonly time: string;
  };
}
