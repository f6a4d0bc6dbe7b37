import { objectionToInterface } from '../api/interface-name.ts';
import { BRIDGE_COMES_LATER, PORTS_COME_LATER } from './address.ts';
import type { SpecDraft } from './imported.ts';
import { isTrue, splitWords } from './words.ts';

/** What becomes of a setting: carried by this, told by `nspawn-file.ts` together with others, or left with a reason. */
export type KeyMapping =
  | { readonly is: 'carried'; carry(values: readonly string[], draft: SpecDraft): void }
  | { readonly is: 'together' }
  | { readonly is: 'left'; readonly why: string };

/** Every setting of systemd.nspawn(5), of systemd 252 to 262. */
export const NSPAWN_KEYS: Readonly<Record<string, KeyMapping>> = {
  'Exec.Boot': together(),
  'Exec.ProcessTwo': together(),
  'Exec.Parameters': together(),
  'Exec.Ephemeral': carried((values, draft) => draft.set('ephemeral', isYes(values))),
  'Exec.Environment': carried(carryEnvironment),
  'Exec.User': option('user'),
  'Exec.WorkingDirectory': option('chdir'),
  'Exec.PivotRoot': option('pivot-root'),
  'Exec.Capability': list('capability', ','),
  'Exec.AmbientCapability': list('ambient-capability', ','),
  'Exec.DropCapability': list('drop-capability', ','),
  'Exec.NoNewPrivileges': option('no-new-privileges'),
  'Exec.KillSignal': carried((values, draft) => {
    if (values.at(-1) !== 'SIGRTMIN+3')
      draft.leave(
        `KillSignal=${values.at(-1)}`,
        'a stop is always a clean power-off (SIGRTMIN+3), then a kill',
      );
  }),
  'Exec.Personality': option('personality'),
  'Exec.MachineID': left("the machine-id is derived from the host's and the name, or what the tree has"),
  'Exec.PrivateUsers': carried((values, draft) => {
    const value = values.at(-1) ?? '';
    if (isNo(value)) return;
    draft.addFlag(`--private-users=${isYes(values) ? 'identity' : value}`);
  }),
  'Exec.PrivateUsersDelegate': option('private-users-delegate'),
  'Exec.NotifyReady': carried((values, draft) =>
    draft.set('readiness', isYes(values) ? 'notify' : 'started'),
  ),
  'Exec.SystemCallFilter': carried((values, draft) => {
    for (const value of values) draft.addFlag(`--system-call-filter=${value}`);
  }),
  'Exec.RestrictAddressFamilies': list('restrict-address-families', ' '),
  ...Object.fromEntries(limits().map(limit => [`Exec.Limit${limit}`, rlimit(limit)])),
  'Exec.OOMScoreAdjust': option('oom-score-adjust'),
  'Exec.CPUAffinity': list('cpu-affinity', ','),
  'Exec.Hostname': option('hostname'),
  'Exec.ResolvConf': carried((values, draft) => draft.set('resolvConf', values.at(-1) ?? 'auto')),
  'Exec.Timezone': option('timezone'),
  'Exec.LinkJournal': carried((values, draft) => {
    if (values.at(-1) !== 'no')
      draft.leave(
        `LinkJournal=${values.at(-1)}`,
        "the guest's journal stays in its tree; read its console: journalctl -u container@NAME",
      );
  }),
  'Exec.SuppressSync': option('suppress-sync'),

  'Files.ReadOnly': carried((values, draft) => {
    if (isYes(values)) draft.addFlag('--read-only');
  }),
  'Files.Volatile': carried((values, draft) => {
    const value = values.at(-1) ?? 'no';
    draft.set('volatile', isYes(values) ? 'yes' : isNo(value) ? 'no' : value);
  }),
  'Files.Bind': each('bind'),
  'Files.BindReadOnly': each('bind-ro'),
  'Files.TemporaryFileSystem': each('tmpfs'),
  'Files.Inaccessible': each('inaccessible'),
  'Files.Overlay': each('overlay'),
  'Files.OverlayReadOnly': each('overlay-ro'),
  'Files.BindUser': carried((values, draft) => {
    for (const user of values.flatMap(splitWords)) draft.addFlag(`--bind-user=${user}`);
  }),
  'Files.BindUserShell': option('bind-user-shell'),
  'Files.PrivateUsersChown': carried((values, draft) => {
    if (isYes(values)) draft.addFlag('--private-users-ownership=chown');
  }),
  'Files.PrivateUsersOwnership': option('private-users-ownership'),

  'Network.Private': together(),
  'Network.VirtualEthernet': together(),
  'Network.VirtualEthernetExtra': left('a second link (extraVeths) is not there yet'),
  'Network.Interface': carried((values, draft) => carryInterfaces('Interface', 'interfaces', values, draft)),
  'Network.MACVLAN': carried((values, draft) => carryInterfaces('MACVLAN', 'macvlans', values, draft)),
  'Network.IPVLAN': left(
    'an IPVLAN cannot be made; macvlans gives a share of an interface with an address of its own',
  ),
  'Network.Bridge': left(BRIDGE_COMES_LATER),
  'Network.Zone': left(BRIDGE_COMES_LATER),
  'Network.Port': left(PORTS_COME_LATER),
  'Network.NamespacePath': left(
    'each container gets a network namespace of its own; a foreign one cannot be named',
  ),
};

/**
 * Whether systemd-nspawn takes a setting only from /etc and /run: systemd.nspawn(5), "privileged settings", and
 * merge_settings() of its source. A file beside a tree may have been downloaded with it, and must not give itself the host.
 * What only takes something away from the guest (DropCapability, NoNewPrivileges, calls that are denied) counts there, too.
 */
export function isPrivileged(key: string, values: readonly string[]): boolean {
  if (key === 'Exec.SystemCallFilter') return !values.every(value => value.startsWith('~'));
  return PRIVILEGED_KEYS.has(key);
}

const PRIVILEGED_KEYS: ReadonlySet<string> = new Set([
  'Exec.Capability',
  'Exec.AmbientCapability',
  'Exec.MachineID',
  'Exec.PrivateUsers',
  'Exec.PrivateUsersDelegate',
  'Exec.RestrictAddressFamilies',
  ...limits().map(limit => `Exec.Limit${limit}`),
  'Exec.OOMScoreAdjust',
  'Exec.CPUAffinity',
  'Exec.LinkJournal',
  'Files.Bind',
  'Files.BindReadOnly',
  'Files.TemporaryFileSystem',
  'Files.Inaccessible',
  'Files.Overlay',
  'Files.OverlayReadOnly',
  'Files.BindUser',
  'Files.BindUserShell',
  'Files.PrivateUsersChown',
  'Files.PrivateUsersOwnership',
  'Network.Private',
  'Network.VirtualEthernet',
  'Network.VirtualEthernetExtra',
  'Network.Interface',
  'Network.MACVLAN',
  'Network.IPVLAN',
  'Network.Bridge',
  'Network.Zone',
  'Network.Port',
  'Network.NamespacePath',
]);

function together(): KeyMapping {
  return { is: 'together' };
}

function left(why: string): KeyMapping {
  return { is: 'left', why };
}

function carried(carry: (values: readonly string[], draft: SpecDraft) => void): KeyMapping {
  return { is: 'carried', carry };
}

/** The last value, as an option. */
function option(name: string): KeyMapping {
  return carried((values, draft) => draft.addFlag(`--${name}=${values.at(-1)}`));
}

/** Every value, as an option each. */
function each(name: string): KeyMapping {
  return carried((values, draft) => {
    for (const value of values) draft.addFlag(`--${name}=${value}`);
  });
}

/** All words of all values, as one option. */
function list(name: string, separator: string): KeyMapping {
  return carried((values, draft) => draft.addFlag(`--${name}=${values.flatMap(splitWords).join(separator)}`));
}

function rlimit(limit: string): KeyMapping {
  return carried((values, draft) => draft.addFlag(`--rlimit=${limit}=${values.at(-1)}`));
}

/** systemd.exec(5), Limit...=. */
function limits(): readonly string[] {
  return 'CPU FSIZE DATA STACK CORE RSS NOFILE AS NPROC MEMLOCK LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME'.split(
    ' ',
  );
}

function carryEnvironment(values: readonly string[], draft: SpecDraft): void {
  const variables: Record<string, string> = {};
  for (const assignment of values.flatMap(splitWords)) {
    const at = assignment.indexOf('=');
    const name = assignment.slice(0, Math.max(at, 0));
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) variables[name] = assignment.slice(at + 1);
    else draft.leave(`Environment=${assignment}`, 'not NAME=VALUE');
  }
  if (Object.keys(variables).length > 0) draft.set('environment', variables);
}

/** `host:guest` gives it another name in the guest; systemd 253 and later. */
function carryInterfaces(
  key: string,
  field: 'interfaces' | 'macvlans',
  values: readonly string[],
  draft: SpecDraft,
): void {
  for (const written of values.flatMap(splitWords)) {
    const [name = '', inGuest] = written.split(':');
    const objection = objectionToInterface(name);
    if (objection !== null) draft.leave(`${key}=${written}`, objection);
    else draft.addTo(field, [name]);
    const given = field === 'macvlans' ? `mv-${name}` : name;
    if (objection === null && inGuest !== undefined && inGuest !== given)
      draft.leave(`${key}=${written}`, `its name in the guest is ${given}`);
  }
}

/** The last one counts. */
function isYes(values: readonly string[]): boolean {
  return isTrue(values.at(-1) ?? '');
}

function isNo(value: string): boolean {
  return /^(0|n|no|f|false|off)$/i.test(value);
}
