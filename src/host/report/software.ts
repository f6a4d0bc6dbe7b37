import { answerOf, textOf, wordOf } from './answer-of.ts';

/** The programs that nspawnd runs, and what they can do. */
export interface Software {
  /** Of systemd that is PID 1 here; null: it is not, or does not answer. */
  readonly systemdVersion: number | null;
  readonly kernel: string;
  /** What `systemd-nspawn --help` says; null: not installed. */
  readonly nspawnHelp: string | null;
  /** machined answers over the system bus. */
  readonly doesMachinedAnswer: boolean;
  readonly isMachinedInstalled: boolean;
  readonly ip: string | null;
  readonly nft: string | null;
  readonly nix: string | null;
  readonly node: string;
  readonly inotifyInstances: number | null;
  /** Of the root control group; null: not a unified hierarchy. */
  readonly controllers: readonly string[] | null;
}

export async function readSoftware(): Promise<Software> {
  const [systemd, kernel, nspawnHelp, machines, machined, ip, nft, nix, inotify, controllers] =
    await Promise.all([
      answerOf('systemctl', 'show', '--property=Version', '--value'),
      textOf('/proc/sys/kernel/osrelease'),
      answerOf('systemd-nspawn', '--help', '--no-pager'),
      answerOf('machinectl', 'list', '--no-legend', '--no-pager'),
      wordOf('systemctl', 'show', '--property=LoadState', '--value', 'systemd-machined.service'),
      answerOf('ip', '-V'),
      answerOf('nft', '--version'),
      answerOf('nix', '--version'),
      textOf('/proc/sys/fs/inotify/max_user_instances'),
      textOf('/sys/fs/cgroup/cgroup.controllers'),
    ]);
  const version = /^\d+/.exec(systemd ?? '')?.[0];
  return {
    systemdVersion: version === undefined ? null : Number(version),
    kernel: kernel ?? '',
    nspawnHelp,
    doesMachinedAnswer: machines !== null,
    // Masked, say, it is there and does not answer.
    isMachinedInstalled: machined !== null && machined !== 'not-found',
    ip,
    nft,
    nix,
    node: process.versions.node,
    inotifyInstances: inotify === null ? null : Number(inotify),
    controllers: controllers?.split(' ').filter(name => name !== '') ?? null,
  };
}
