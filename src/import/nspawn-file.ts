import { type Imported, SpecDraft } from './imported.ts';
import { isPrivileged, NSPAWN_KEYS } from './nspawn-keys.ts';
import { isTrue, splitWords } from './words.ts';

/** What an .nspawn file does not say, and the unit around it does. */
export interface NspawnPlaces {
  readonly root: string;
  /** systemd-nspawn@NAME is started at boot. */
  readonly isEnabled: boolean;
  /** The tree belongs to user ids other than the host's: `-U` has shifted it. */
  readonly isShifted: boolean;
  /** The file is an administrator's. What lies beside an image came with it, maybe from far away. */
  readonly isTrusted: boolean;
}

/** One setting: values in their order, as systemd adds them up; an empty one forgets those before it. */
export interface NspawnSetting {
  readonly key: string;
  readonly values: readonly string[];
}

/**
 * NAME.nspawn together with what systemd-nspawn@NAME.service says by itself: `--boot --link-journal=try-guest
 * --network-veth -U --settings=override`. Source: systemd.nspawn(5), systemd-nspawn@.service of 252 to 262.
 */
export function importNspawnFile(name: string, text: string, places: NspawnPlaces): Imported {
  const draft = new SpecDraft();
  draft.set('root', places.root);
  draft.set('autoStart', places.isEnabled);
  const { settings: all, faults } = readNspawnFile(text);
  const isIgnored = ({ key, values }: NspawnSetting) => !places.isTrusted && isPrivileged(key, values);
  const settings = all.filter(setting => !isIgnored(setting));
  for (const setting of all.filter(isIgnored))
    draft.leave(
      shown(setting),
      'systemd-nspawn ignores it in a file beside the tree, which it does not trust',
    );
  for (const fault of faults) draft.leave(fault, 'it is no setting of systemd.nspawn(5)');
  const given = new Map(settings.map(setting => [setting.key, setting]));

  carryPayload(given, draft);
  carryNetwork(given, draft);
  if (given.get('Exec.NotifyReady') === undefined) draft.set('readiness', 'started');
  for (const setting of settings) {
    const mapping = NSPAWN_KEYS[setting.key];
    if (mapping === undefined) draft.leave(shown(setting), 'nspawnd does not know this setting');
    else if (mapping.is === 'left') draft.leave(shown(setting), mapping.why);
    else if (mapping.is === 'carried') mapping.carry(setting.values, draft);
  }
  carryUsers(given, places, draft);
  return draft.finish(name);
}

/** Settings by `Section.Key`, and the lines that are none. */
export function readNspawnFile(text: string): {
  readonly settings: readonly NspawnSetting[];
  readonly faults: readonly string[];
} {
  const values = new Map<string, string[]>();
  const faults: string[] = [];
  let section = '';
  for (const line of joinLines(text)) {
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) {
      section = header[1] ?? '';
      continue;
    }
    const at = line.indexOf('=');
    if (at <= 0 || section === '') {
      faults.push(line);
      continue;
    }
    // Sections that begin with X- are for others.
    if (section.startsWith('X-')) continue;
    const key = `${section}.${line.slice(0, at).trim()}`;
    const value = line.slice(at + 1).trim();
    if (value === '') values.set(key, []);
    else values.set(key, [...(values.get(key) ?? []), value]);
  }
  const settings = [...values].filter(([, given]) => given.length > 0);
  return { settings: settings.map(([key, given]) => ({ key, values: given })), faults };
}

/** Without comments and empty lines; a line that ends in a backslash goes on, comments in between do not count. */
function joinLines(text: string): readonly string[] {
  const lines: string[] = [];
  let open: string | null = null;
  for (const raw of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    const line = raw.trim();
    if (/^[#;]/.test(line)) continue;
    const whole: string = open === null ? line : `${open} ${line}`;
    open = whole.endsWith('\\') ? whole.slice(0, -1).trim() : null;
    if (open === null && whole !== '') lines.push(whole);
  }
  return open === null || open === '' ? lines : [...lines, open];
}

/** Boot=, ProcessTwo= and Parameters= say together what runs. */
function carryPayload(given: ReadonlyMap<string, NspawnSetting>, draft: SpecDraft): void {
  const isBooted = isYes(given.get('Exec.Boot'), true) && !isYes(given.get('Exec.ProcessTwo'), false);
  const parameters = given.get('Exec.Parameters')?.values ?? [];
  const words = parameters.flatMap(value => splitWords(value));
  if (isBooted) {
    if (words.length > 0)
      draft.leave(
        `Parameters=${parameters.join(' ')}`,
        'arguments of an init; the kernel command line of a guest is not set',
      );
    return;
  }
  draft.set('command', words.length > 0 ? words : ['/bin/sh']);
  if (!isYes(given.get('Exec.ProcessTwo'), false))
    draft.leave('Boot=no', 'the command runs under a stub init, as with ProcessTwo=yes, and not as PID 1');
}

/** systemd-nspawn@ gives a link of its own unless the file says otherwise. */
function carryNetwork(given: ReadonlyMap<string, NspawnSetting>, draft: SpecDraft): void {
  const isPrivate = isYes(given.get('Network.Private'), true);
  const hasLink = isYes(given.get('Network.VirtualEthernet'), isPrivate);
  if (!isPrivate && !hasLink) {
    draft.set('privateNetwork', false);
    return;
  }
  const hasDevices = ['Interface', 'MACVLAN'].some(key => given.has(`Network.${key}`));
  draft.set('privateNetwork', hasLink || !hasDevices);
  if (!hasLink && !hasDevices)
    draft.leave(
      'VirtualEthernet=no',
      'a network of its own without any link; here it has one, without addresses',
    );
  if (hasLink)
    draft.leave(
      'the addresses of its link',
      'systemd-networkd gave them out; write hostAddress and localAddress, or it has none',
    );
}

/** `-U`: user ids of its own. What a tree looks like says whether the guest needs them to find its own files. */
function carryUsers(
  given: ReadonlyMap<string, NspawnSetting>,
  { isShifted }: NspawnPlaces,
  draft: SpecDraft,
): void {
  if (given.has('Exec.PrivateUsers')) return;
  if (isShifted) draft.addFlag('--private-users=pick');
  draft.leave(
    'user ids of its own (-U of systemd-nspawn@)',
    isShifted
      ? 'kept as --private-users=pick, because the tree has them; before systemd 262 that excludes a network of its own'
      : 'root in the guest is root of the host in its own files; add "--private-users=pick" to extraFlags to keep them apart',
  );
}

function isYes(setting: NspawnSetting | undefined, otherwise: boolean): boolean {
  const value = setting?.values.at(-1);
  return value === undefined ? otherwise : isTrue(value);
}

function shown({ key, values }: NspawnSetting): string {
  return `${key.slice(key.indexOf('.') + 1)}=${values.join(' ')}`;
}
