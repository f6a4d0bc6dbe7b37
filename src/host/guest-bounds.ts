import { readFile, readlink } from 'node:fs/promises';

/** What the processes of a guest may at most, by its PID 1. */
export interface GuestBounds {
  /** capabilities(7), in hex. */
  readonly boundingSet: string;
  /** No program gives them more than they have; PR_SET_NO_NEW_PRIVS(2const). */
  readonly hasNoNewPrivileges: boolean;
  /** Its users are the host's: not with `--private-users`. */
  readonly sharesUsers: boolean;
}

/** Null: it cannot be read, or the guest is gone. `status`: of its PID 1, from proc_pid_status(5). */
export async function boundsOfGuest(leader: number, status: string): Promise<GuestBounds | null> {
  const boundingSet = /^CapBnd:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  const [own, guests] = await Promise.all(
    ['self', leader].map(pid => readlink(`/proc/${pid}/ns/user`).catch(() => null)),
  );
  if (boundingSet === undefined || own === null || guests === null) return null;
  const hasNoNewPrivileges = /^NoNewPrivs:\s*1$/m.test(status);
  return { boundingSet, hasNoNewPrivileges, sharesUsers: own === guests };
}

export async function readBounds(leader: number): Promise<GuestBounds | null> {
  return boundsOfGuest(leader, await readFile(`/proc/${leader}/status`, 'utf8'));
}

/**
 * What enters a guest from a unit of the host's runs the guest's programs, as hostile as they may be: it gets no more than
 * the guest itself may have: properties of that unit.
 */
export function unitBounds({ boundingSet, hasNoNewPrivileges }: GuestBounds): readonly string[] {
  return [
    `--property=CapabilityBoundingSet=${capabilityNames(boundingSet).join(' ')}`,
    `--property=SystemCallFilter=~${FORBIDDEN_CALLS.join(' ')}`,
    '--property=SystemCallErrorNumber=EPERM',
    // Who enters is for a moment a program of the host's among the guest's processes, and can be opened by them for writing.
    '--property=ReadOnlyPaths=/',
    '--property=DevicePolicy=closed',
    '--property=DeviceAllow=char-pts rw',
    ...(hasNoNewPrivileges ? ['--property=NoNewPrivileges=yes'] : []),
  ];
}

/**
 * What nspawn never lets a guest call, since no namespace and no capability keeps it from the host: keys, handles of any file
 * on the disk that the guest's tree is on, programs in the kernel. The end of the list in systemd's nspawn-seccomp.c.
 */
const FORBIDDEN_CALLS = [
  '@cpu-emulation',
  '@keyring',
  '@obsolete',
  '@swap',
  'bpf',
  'fanotify_init',
  'fanotify_mark',
  'kexec_file_load',
  'kexec_load',
  'lookup_dcookie',
  'open_by_handle_at',
  'perf_event_open',
  'quotactl',
  'quotactl_fd',
];

/** The same for setpriv(1), as far as it can: capabilities by their numbers, which it knows also where it does not know a name. */
export function setprivBounds({ boundingSet, hasNoNewPrivileges }: GuestBounds): readonly string[] {
  const kept = capabilityNumbers(boundingSet).map(number => `+cap_${number}`);
  return [
    `--bounding-set=${['-all', ...kept].join(',')}`,
    '--inh-caps=-all',
    ...(hasNoNewPrivileges ? ['--no-new-privs'] : []),
  ];
}

/** In the order of their numbers; capability.h. What a newer kernel adds is left out. */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

export function capabilityNames(mask: string): readonly string[] {
  const numbers = capabilityNumbers(mask);
  return CAPABILITIES.filter((_, number) => numbers.includes(number)).map(name => `CAP_${name}`);
}

/** Also of those that have no name here. */
function capabilityNumbers(mask: string): readonly number[] {
  const bits = BigInt(`0x${mask}`);
  return Array.from({ length: 64 }, (_, number) => number).filter(
    number => ((bits >> BigInt(number)) & 1n) === 1n,
  );
}
