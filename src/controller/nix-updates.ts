import type { Generation } from '../api/generation.ts';
import type { HostPort, NixUpdate, UpdateAnswer } from './ports.ts';

/** Leaves an update or a rollback on disk, where the planner finds it, unless it cannot be meant. */
export async function requestUpdate(host: HostPort, name: string, update: NixUpdate): Promise<UpdateAnswer> {
  const at = Date.now();
  const put = async (generation: number | null): Promise<UpdateAnswer> => {
    await host.putUpdate(name, { mode: update.mode, generation, at, isTaken: false });
    return { isAccepted: true, requestedAt: new Date(at).toISOString(), generation };
  };
  if (update.mode !== 'rollback') return put(null);
  const generations = await host.generations(name);
  const target = targetOf(generations, update.to);
  if (typeof target === 'string') return { isAccepted: false, because: `${name} ${target}` };
  return put(target.number);
}

/** The generation meant, or why there is none. Without a number it is the one before the current one, as for Nix. */
function targetOf(generations: readonly Generation[], to: number | null): Generation | string {
  const known = generations.map(({ number }) => number).join(', ') || 'none';
  if (to !== null)
    return generations.find(({ number }) => number === to) ?? `has no generation ${to}; there are: ${known}`;
  const current = generations.findIndex(({ isCurrent }) => isCurrent);
  if (current < 0) return `has no current generation; name one with --to N: ${known}`;
  return generations[current - 1] ?? `has no generation before its current one; there are: ${known}`;
}
