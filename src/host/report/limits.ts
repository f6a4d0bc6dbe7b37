import { textOf } from './answer-of.ts';

/** Limits of the kernel that hosts with many guests meet, by their sysctl's name; null: not there, or not for this host to see. */
export type Limits = Readonly<Record<LimitName, number | null>>;

export const LIMIT_NAMES = [
  'fs.inotify.max_user_watches',
  'kernel.keys.maxkeys',
  'kernel.pid_max',
  'kernel.threads-max',
  'net.ipv4.neigh.default.gc_thresh3',
  'net.ipv6.neigh.default.gc_thresh3',
  'user.max_mnt_namespaces',
  'user.max_net_namespaces',
  'user.max_user_namespaces',
] as const;

export type LimitName = (typeof LIMIT_NAMES)[number];

export async function readLimits(): Promise<Limits> {
  const entries = await Promise.all(
    LIMIT_NAMES.map(async name => {
      const text = await textOf(`/proc/sys/${name.replaceAll('.', '/')}`);
      return [name, text === null ? null : Number(text)] as const;
    }),
  );
  return Object.fromEntries(entries) as Limits;
}
