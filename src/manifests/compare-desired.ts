import { isDeepStrictEqual } from 'node:util';
import type { Desired } from '../planning/desired.ts';

/** What is new in `desired`. `next` keeps the former object where nothing is; `changed` is sorted, with what has gone. */
export function compareDesired(
  before: ReadonlyMap<string, Desired>,
  desired: ReadonlyMap<string, Desired>,
  onChange: (name: string, old: Desired | undefined, now: Desired) => void,
): { readonly next: Map<string, Desired>; readonly changed: readonly string[] } {
  const next = new Map<string, Desired>();
  const changed: string[] = [];
  for (const [name, now] of desired) {
    const old = before.get(name);
    const isSame = old !== undefined && isDeepStrictEqual(old, now);
    next.set(name, isSame ? old : now);
    if (isSame) continue;
    changed.push(name);
    onChange(name, old, now);
  }
  for (const [name, old] of before) if (!desired.has(name) && old.state !== 'absent') changed.push(name);
  return { next, changed: changed.sort() };
}
