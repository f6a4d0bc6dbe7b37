import type { ConditionFact } from '../../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION } from '../../api/container.ts';

/**
 * What a person does about a reason: a command where there is one, and whether the rest goes on by itself. Null: nothing, or
 * nobody knows.
 */
export function fixOf({ type, reason, message }: ConditionFact, container: Container): string | null {
  if (type === 'ManifestValid' && reason !== 'Accepted')
    return reason === 'Invalid' ? validate(container, message) : 'nspawnctl prune';
  if (type === 'PruneBlocked') return UNREAD.has(reason) ? `mend that; ${BY_ITSELF}` : 'nspawnctl prune';
  return (
    FIXES[reason]?.(container, message) ?? (TECHNICAL.test(reason) ? technical(container, message) : null)
  );
}

type Fix = (container: Container, message: string) => string;

const BY_ITSELF = 'then it goes on by itself';

/** There is nothing to confirm before the manifests can be read again. */
const UNREAD = new Set(['DirectoryMissing', 'DirectoryUnreadable', 'DirectoryUntrusted', 'FilesUnreadable']);

const start: Fix = ({ metadata }) => `nspawnctl start ${metadata.name}`;
const restart: Fix = ({ metadata }) => `nspawnctl restart ${metadata.name}`;
const resume: Fix = ({ metadata }) => `nspawnctl resume ${metadata.name}`;
const look: Fix = ({ metadata }) => `nothing, it is under way; follow it: nspawnctl get -w ${metadata.name}`;
const mendGuest: Fix = ({ metadata: { name } }) =>
  `see all it said: nspawnctl logs ${name}; mend it; nspawnctl restart ${name} does not wait for the next try`;
const mendProbed: Fix = ({ metadata: { name } }) =>
  `see what it says: nspawnctl logs ${name}; mend the guest, or the probe; ${BY_ITSELF}`;
const technical: Fix = ({ metadata: { name } }) =>
  `it is tried again; if it stays so, see what nspawnd says: nspawnctl logs --controller ${name}`;

/** Reasons that only say which part of nspawnd or of the host did not do what it was told. */
const TECHNICAL = /^(?:Bus|Command(?:Failed|Timeout)|FileError)/;

/** By the reason, whichever condition has it; README.md has the same table, in the same order. */
export const FIXES: Readonly<Record<string, Fix>> = {
  ManifestInvalid: (container, message) => validate(container, message),
  Invalid: (container, message) => validate(container, message),
  Unknown: () => 'nspawnctl prune',
  RootMissing: () => `make the directory, or mend spec.root; ${BY_ITSELF}`,
  RootNotADirectory: () => `make it a directory, or mend spec.root; ${BY_ITSELF}`,
  RootIsSymlink: () => `write the path it leads to in spec.root; ${BY_ITSELF}`,
  RootUnsafe: () => `mend what is named above; ${BY_ITSELF}`,
  UnsafePath: () => `mend what is named above; ${BY_ITSELF}`,
  ForeignNamespace: ({ metadata }) =>
    `ip netns del ${metadata.name}, if nobody needs it, or rename the container; ${BY_ITSELF}`,
  ForeignLink: () => `remove that link, if nobody needs it, or rename the container; ${BY_ITSELF}`,
  SandboxIncomplete: ({ metadata: { name } }) =>
    `nothing, it is mended at once; if it stays so, see what is in the way: nspawnctl logs --controller ${name}`,
  MachineExists: ({ metadata }) =>
    `machinectl terminate ${metadata.name}, if nobody needs it, or rename the container; ${BY_ITSELF}`,
  UnitShadowed: ({ status }) =>
    `see which it is: systemctl cat ${status.unit}; move that file away, or unmask it; ${BY_ITSELF}`,
  InterfaceMissing: () => `plug it in, or name another in the manifest; ${BY_ITSELF}`,
  InterfaceUnusable: () => 'name another in the manifest',
  InterfaceNameTaken: () => `rename what has the name; ${BY_ITSELF}`,
  InotifyInstances: () => `sysctl fs.inotify.max_user_instances=8192; ${BY_ITSELF}`,
  MachinedUnavailable: () =>
    `see why: systemctl status dbus systemd-machined; journalctl -u systemd-machined -n 20; ${BY_ITSELF}`,
  MachineUnregistered: ({ metadata: { name } }) =>
    `see why: journalctl -u systemd-machined -n 20; nspawnctl restart ${name} registers it, too`,
  ProcessLimit: () =>
    `see what has so many: systemd-cgtop --order=tasks; end that, or raise the limit; ${BY_ITSELF}`,
  NamespaceLimit: () => `see which it is, and raise it: sysctl user; ${BY_ITSELF}`,
  DependencyNotReady: (_container, message) =>
    `see what keeps ${waitedFor(message)} from being Ready: nspawnctl describe ${waitedFor(message)}; ${BY_ITSELF}`,
  BootSlot: () => 'nothing, its turn comes; nspawnctl start NAME does not wait for the others',
  Asked: resume,
  Suspended: resume,
  Stopped: start,
  NotStarted: start,
  ExitedCleanly: start,
  Failed: mendGuest,
  BackOff: mendGuest,
  TooManyRestarts: mendGuest,
  NotReadyInTime: ({ metadata: { name, annotations } }, message) =>
    `mend ${manifestOf(annotations?.[MANIFEST_ANNOTATION], message)}, or make it say what is in force: nspawnctl rollout undo ${name}; to try it once more: nspawnctl rollout retry ${name}`,
  LastSpecTaken: mendGuest,
  ReadinessProbeFailed: mendProbed,
  StartupProbeFailed: mendProbed,
  UnitsFailed: ({ metadata: { name } }) =>
    `nspawnctl run ${name} -- systemctl --failed; mend them; nspawnctl reconcile ${name} looks again`,
  SpecChanged: restart,
  NewRenderer: restart,
  Adopted: restart,
  NewSystem: restart,
  RestartRequired: restart,
  SwitchFailed: ({ metadata: { name } }) =>
    `nspawnctl restart ${name}, or try again: nspawnctl update ${name}`,
  NixMissing: () => `install Nix (on Debian: apt install nix-bin); ${BY_ITSELF}`,
  ClosureMissing: ({ metadata }) =>
    `mend what path, config or flake names; where the profile was lost: nspawnctl update ${metadata.name}`,
  NotAClosure: () => `mend what path names; ${BY_ITSELF}`,
  ConfigMissing: () => `mend what config names; ${BY_ITSELF}`,
  BuildFailed: ({ metadata }) => `mend the input; to build again at once: nspawnctl update ${metadata.name}`,
  BuildBackOff: ({ metadata }) => `nothing, it is tried again; at once: nspawnctl update ${metadata.name}`,
  SameTree: () => 'empty etc/machine-id in the shared tree; each guest then gets its own at its next start',
  CommandMissing: () => `install that program; ${BY_ITSELF}`,
  UnitInvalid: ({ status }) => `mend what systemd says of it, or a drop-in: systemctl cat ${status.unit}`,
  InternalError: ({ metadata }) =>
    `this is a bug of nspawnd; please report it, with: nspawnctl logs --controller ${metadata.name}`,
  Pending: look,
  Starting: look,
  Stopping: look,
  Building: look,
  Reloading: look,
  Removing: look,
};

/** The first that is named. */
function waitedFor(message: string): string {
  return (
    /^waits until ([a-z0-9-]+) is Ready:/.exec(message)?.[1] ??
    /^ {2}([a-z0-9-]+):/m.exec(message)?.[1] ??
    'it'
  );
}

function validate({ metadata }: Container, message: string): string {
  return `mend the text, and check it: nspawnctl validate ${manifestOf(metadata.annotations?.[MANIFEST_ANNOTATION], message)}`;
}

/** The file that is wrong: named by the first problem, else the one in force, else all of them. */
function manifestOf(annotation: string | undefined, message: string): string {
  const named = /^(\/.+?):\d+:\d+: /m.exec(message)?.[1];
  return named ?? annotation?.replace(/:\d+$/, '') ?? '/etc/nspawnd/manifests';
}
