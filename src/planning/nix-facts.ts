/** What the host says of a guest whose system is made by Nix. Facts only, as in `observed.ts`. */
export interface NixFacts {
  /** Directory of `nix-env` and `nix`; null where the host has no Nix. */
  readonly programs: string | null;
  /** NIX_PATH of builds. */
  readonly searchPath: string;
  readonly source: SourceFacts;
  /** The input that was last made into a generation; kept over boots, so that a rollback stays one. Empty: none was. */
  readonly realised: string;
  /** Where the profile leads; null while it leads nowhere. */
  readonly system: SystemFacts | null;
  /** Directories that a guest of Nix needs on the host and that are not there. */
  readonly missing: readonly string[];
  readonly build: BuildFacts;
  /** The closure that a running guest is being switched to; null while it is not. */
  readonly switchingTo: string | null;
  /** How the last switch ended, of whichever run; null before the first since boot. */
  readonly lastSwitch: SwitchRecord | null;
  /** The last `update` or `rollback` since boot that a person asked for. */
  readonly update: UpdateRequest | null;
}

export type SourceFacts =
  /** Inline text, or a flake: all there is to see is in the manifest. */
  | { readonly state: 'given' }
  /** `path`, followed to its end in the store. */
  | { readonly state: 'closure'; readonly closure: string }
  /** The top file of `config`. */
  | { readonly state: 'file'; readonly digest: string }
  | {
      readonly state: 'bad';
      readonly reason: 'ClosureMissing' | 'NotAClosure' | 'ConfigMissing';
      readonly message: string;
    };

export interface SystemFacts {
  /** `/nix/store/HASH-NAME`. */
  readonly closure: string;
  /** N of `system-N-link`; 0 where the profile is not one of Nix's own. */
  readonly generation: number;
  /** It is there and has an `init`. */
  readonly isUsable: boolean;
  /** Content of its file `system`, such as `x86_64-linux`; empty where it has none. */
  readonly platform: string;
}

export interface BuildFacts {
  readonly isRunning: boolean;
  /** What the running build is of; empty while none runs. */
  readonly input: string;
  /** The last line of its log, for people. */
  readonly lastLine: string;
  readonly result: BuildResult | null;
}

/** How the last build ended: written by the build's own unit, as the end of a container is. */
export interface BuildResult {
  readonly input: string;
  /** How often in a row this input was tried. */
  readonly attempt: number;
  readonly isGood: boolean;
  /** In words: `exited with status 1`. */
  readonly cause: string;
  /** Not the input's fault: it was killed, or a disk was full. */
  readonly isPassing: boolean;
  readonly at: number;
  /** The last lines of its log, cleaned. */
  readonly tail: readonly string[];
  /** An event tells of it. */
  readonly isReported: boolean;
}

export interface SwitchRecord {
  /** The run that was switched. */
  readonly invocationId: string;
  readonly closure: string;
  readonly isGood: boolean;
  /** In words: `exited with status 1`. */
  readonly how: string;
  /** The end of what it printed, cleaned. */
  readonly output: string;
  readonly at: number;
  readonly isReported: boolean;
}

export interface UpdateRequest {
  /** `build`: make the system anew and bring it to the guest; `switch`: only the latter, also when it has it already. */
  readonly mode: 'build' | 'switch' | 'rollback';
  /** Of a rollback. */
  readonly generation: number | null;
  readonly at: number;
  /** It has been acted on. */
  readonly isTaken: boolean;
}
