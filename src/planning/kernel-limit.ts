/** A limit of the host that was reached, by the words of what could not be done. */
export interface KernelLimit {
  readonly reason: 'ProcessLimit' | 'NamespaceLimit';
  readonly message: string;
}

/**
 * The kernel only says which call failed, and "No space left on device" has nobody think of anything but disks. Null where the
 * text speaks of no limit. Some of it may be the guest's own: it is good for nothing but to be shown.
 */
export function kernelLimitIn(text: string): KernelLimit | null {
  for (const line of text.split('\n')) {
    for (const { reason, says, means } of LIMITS) {
      const [said] = says.exec(line) ?? [];
      if (said !== undefined) return { reason, message: `${means}: ${said.trim()}` };
    }
  }
  return null;
}

interface Limit {
  readonly reason: KernelLimit['reason'];
  readonly says: RegExp;
  readonly means: string;
}

const LIMITS: readonly Limit[] = [
  {
    reason: 'ProcessLimit',
    says: /^.*\b(?:fork|clone|spawn)\b.*(?:: Resource temporarily unavailable|\bEAGAIN\b)/,
    means: 'no more processes can be started: kernel.pid_max, kernel.threads-max or a TasksMax= is reached',
  },
  {
    reason: 'NamespaceLimit',
    says: /^.*(?:\bclone\(\)|\bunshare\b|\bnamespace\b).*: No space left on device/,
    means:
      'no more namespaces can be made: user.max_net_namespaces or another user.max_*_namespaces is reached',
  },
];
