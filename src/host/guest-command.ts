import { type EnteringPrograms, enteringWords } from './entering.ts';
import { unitBounds } from './guest-bounds.ts';
import type { GuestBus } from './guest-bus.ts';
import { GUEST_VARIABLES } from './guest-environment.ts';
import type { Guest } from './guest-facts.ts';
import type { GuestTerminals } from './guest-terminals.ts';
import type { GuestUser } from './guest-user.ts';

/**
 * The command lines that run something in a guest. Pure. Through the guest's systemd where it has one: the process is the
 * guest's own then, with a parent, a control group and a terminal of the guest's. Else by its namespaces, from a unit of the
 * host's: what enters is bounded by what the guest itself may, since a hostile guest can take over who enters it.
 */
export interface GuestCommand {
  readonly argv: readonly string[];
  /** What its program has to have open, from 3 on. */
  readonly descriptors: readonly number[];
  readonly unit: GuestUnit;
}

/** The transient unit that a command becomes. */
export interface GuestUnit {
  readonly name: string;
  /** Of the guest whose unit it is; null: it is the host's. */
  readonly bus: GuestBus | null;
}

export interface Way {
  /** A terminal for it; else its input and output are passed on as they are. */
  readonly isTerminal: boolean;
  /** Of the guest, whose systemd is to run it; null: it is entered by its namespaces. */
  readonly bus: GuestBus | null;
  /** Of the guest, for who wants one from its systemd. */
  readonly terminals: GuestTerminals | null;
  /** Of the transient unit; new each time. */
  readonly unit: string;
  /** For the way by namespaces. */
  readonly programs: EnteringPrograms;
}

/** Who runs it, with what, and where. */
export interface Setting {
  readonly user: GuestUser;
  /** `NAME=VALUE`, each name one that a shell takes. */
  readonly variables: readonly string[];
  /** Null: the user's home. */
  readonly directory: string | null;
}

export const ROOT: GuestUser = { name: 'root', uid: 0, gid: 0, home: '/root' };
export const AS_ROOT: Setting = { user: ROOT, variables: [], directory: null };

/** What was typed, in a login's environment where there is a shell that can make one. */
export function runIn(
  guest: Guest,
  command: readonly string[],
  way: Way,
  setting: Setting = AS_ROOT,
): GuestCommand {
  const { user, variables, directory } = setting;
  const inShell = shell(RUN, [directory ?? '', ...variables, '--', ...command]);
  if (way.bus !== null) return throughSystemd(way.bus, inShell, way, user);
  if (guest.hasSystemd) return byNamespaces(guest, inShell, way, { ...AS_ROOT, user });
  return byNamespaces(guest, command, way, setting);
}

/** The shell that is a user's own; `line`: what it is to run instead of talking to a person. */
export function loginShell(
  guest: Guest,
  way: Way,
  user: GuestUser = ROOT,
  line: string | null = null,
): GuestCommand {
  const command = shell(LOGIN, [user.name, ...(line === null ? [] : [line])]);
  return way.bus === null
    ? byNamespaces(guest, command, way, { ...AS_ROOT, user })
    : throughSystemd(way.bus, command, way, user);
}

function throughSystemd(bus: GuestBus, command: readonly string[], way: Way, user: GuestUser): GuestCommand {
  const { terminals } = way;
  const argv = [
    ...(terminals?.making ?? []),
    ...bus.speaking,
    'systemd-run',
    // Who is nobody to the host's polkit would be asked for a password by it.
    '--no-ask-password',
    ...common(way),
    `--uid=${user.name}`,
    '--',
    ...literal(command),
  ];
  const descriptors = [...bus.descriptors, ...(terminals?.descriptors ?? [])];
  return { argv, descriptors, unit: { name: way.unit, bus } };
}

function byNamespaces(
  { leader, bounds }: Guest,
  command: readonly string[],
  way: Way,
  { user, variables, directory }: Setting,
): GuestCommand {
  const enter = [
    // For env(1), which takes assignments until the first word that is none.
    ...(user.uid === 0 ? [] : [`HOME=${user.home}`, `USER=${user.name}`, `LOGNAME=${user.name}`]),
    ...variables,
    ...enteringWords(leader, bounds, way.programs, command, [
      ...(user.uid === 0 ? [] : [`--setuid=${user.uid}`, `--setgid=${user.gid}`]),
      ...(directory === null ? [] : [`--wdns=${directory}`]),
    ]),
  ];
  const argv = [
    'systemd-run',
    ...common(way),
    '--slice=machine.slice',
    ...unitBounds(bounds),
    '--',
    ...literal(shell(ENTER, enter)),
  ];
  return { argv, descriptors: [], unit: { name: way.unit, bus: null } };
}

function common({ isTerminal, unit }: Way): readonly string[] {
  return [
    '--quiet',
    '--collect',
    '--wait',
    isTerminal ? '--pty' : '--pipe',
    // What it runs is told by its command line, and is no business of the guest's console.
    '--description=Command of nspawnctl',
    '--service-type=exec',
    // What does not go when its person has gone is made to.
    '--property=TimeoutStopSec=5s',
    `--unit=${unit}`,
  ];
}

/** systemd replaces variables in a command line, also in one of a transient unit; systemd.service(5). */
function literal(words: readonly string[]): readonly string[] {
  return words.map(word => word.replaceAll('$', '$$$$'));
}

function shell(script: string, args: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', script, 'sh', ...args];
}

/**
 * systemd-run answers 0 or 255 for what a signal has ended; a shell answers 128 and the signal's number, and outlives it to
 * do so.
 */
const OUTLIVE = 'trap : HUP INT QUIT TERM USR1 USR2';

const PROFILE = '[ ! -r /etc/profile ] || . /etc/profile </dev/null >/dev/null 2>&1';

/** What a shell itself has to say of a signal's victim is not the command's. */
const QUIET = 'exec 3>&2 2>/dev/null';

/** Arguments: the directory, empty for the home; variables; `--`; the command. */
const RUN = [
  OUTLIVE,
  PROFILE,
  'if [ -z "$1" ]; then cd ~ 2>/dev/null || cd /; else cd -- "$1" || exit 126; fi',
  'shift',
  'while [ "$1" != -- ]; do export "$1"; shift; done',
  'shift',
  QUIET,
  '(exec "$@" 2>&3 3>&-)',
  'exit $?',
].join('\n');

/**
 * The shell that etc/passwd names, or the first there is. No program is needed to find it. Arguments: the user; what the
 * shell is to run.
 */
const LOGIN = [
  OUTLIVE,
  'if [ "$1" = root ]; then',
  '  HOME=/root USER=root LOGNAME=root',
  '  export HOME USER LOGNAME',
  'fi',
  'cd ~ 2>/dev/null || cd /',
  'named=',
  'if [ -r /etc/passwd ]; then',
  '  while IFS=: read -r user _ uid _ _ _ program; do',
  '    if [ "$user" = "$1" ] || [ "$uid" = "$1" ]; then named=$program; break; fi',
  '  done </etc/passwd',
  'fi',
  'for program in "$named" /run/current-system/sw/bin/bash /bin/bash /bin/sh; do',
  '  [ ! -x "$program" ] || break',
  'done',
  'SHELL=$program',
  'export SHELL',
  'if [ $# -gt 1 ]; then "$program" -l -c "$2"; else "$program" -l; fi',
  'exit $?',
].join('\n');

/**
 * nsenter stops itself when its child is stopped, and a guest that shuts down stops all its processes before it ends them:
 * then nobody would be left to bury the dead child, and the guest would wait for that. So it is woken every second.
 */
const KEEP_AWAKE = [
  '(while sleep 1; do',
  '  read -r children </proc/$$/task/$$/children',
  '  kill -CONT $children',
  'done) >/dev/null 3>&- &',
].join('\n');

/** On the host: nothing of the host's environment comes along. */
const ENTER = [
  OUTLIVE,
  QUIET,
  KEEP_AWAKE,
  `(exec /usr/bin/env -i ${GUEST_VARIABLES.join(' ')} \${TERM:+"TERM=$TERM"} "$@" 2>&3 3>&-)`,
  'status=$?',
  'kill $!',
  'exit $status',
].join('\n');
