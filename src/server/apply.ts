import { isDeepStrictEqual } from 'node:util';
import { isMapping } from '../api/is-mapping.ts';
import type { JsonObject } from '../api/manifest.ts';
import { type ManifestContent, OWNER_PREFIX } from '../api/manifest-content.ts';
import { stepsOf, toToken } from './json-pointer.ts';

/**
 * Kubernetes' server-side apply: a manager says its part of an object, whole. What it said before and says no more goes,
 * what others said stays, and to contradict another manager takes `force`.
 *
 * Who said what is kept in the manifest itself, an annotation for each manager with the paths it owns: files are the only
 * truth. What stands in a file by a person's hand is nobody's.
 */
export function apply(
  before: ManifestContent | null,
  applied: ManifestContent,
  manager: string,
  force: boolean,
): ManifestContent | { readonly conflicts: readonly string[] } {
  const current = before ?? { labels: {}, annotations: {}, spec: {} };
  const mine = leavesOf(applied);
  const others = Object.entries(current.annotations)
    .filter(([key]) => key.startsWith(OWNER_PREFIX) && key !== ownerKey(manager))
    .map(([key, text]) => ({ key, paths: parsePaths(text) }));
  const now = leavesOf(current);
  const contradicted = [...mine].filter(
    ([path, value]) =>
      others.some(({ paths }) => paths.includes(path)) && !isDeepStrictEqual(now.get(path), value),
  );
  if (contradicted.length > 0 && !force)
    return {
      conflicts: contradicted.map(([path]) => {
        const owner = others.find(({ paths }) => paths.includes(path))?.key.slice(OWNER_PREFIX.length);
        return `${path} is ${owner}'s`;
      }),
    };

  const merged: Draft = structuredClone({
    labels: current.labels,
    annotations: current.annotations,
    spec: current.spec,
  });
  const forsaken = parsePaths(current.annotations[ownerKey(manager)] ?? '').filter(
    path => !mine.has(path) && !others.some(({ paths }) => paths.includes(path)),
  );
  for (const path of forsaken) unset(merged, path);
  for (const [path, value] of mine) set(merged, path, value);
  for (const { key, paths } of others) {
    const kept = paths.filter(path => !contradicted.some(([taken]) => taken === path));
    if (kept.length === 0) delete merged.annotations[key];
    else merged.annotations[key] = JSON.stringify(kept);
  }
  merged.annotations[ownerKey(manager)] = JSON.stringify([...mine.keys()].sort());
  return merged as ManifestContent;
}

interface Draft {
  labels: Record<string, unknown>;
  annotations: Record<string, unknown>;
  spec: Record<string, unknown>;
}

function ownerKey(manager: string): string {
  return `${OWNER_PREFIX}${manager}`;
}

/** Every value that is no mapping, by its JSON pointer; a list is one value. */
function leavesOf(content: ManifestContent): ReadonlyMap<string, unknown> {
  const leaves = new Map<string, unknown>();
  const walk = (value: unknown, path: string) => {
    if (isMapping(value) && Object.keys(value).length > 0)
      for (const [key, inner] of Object.entries(value)) walk(inner, `${path}/${toToken(key)}`);
    else leaves.set(path, value);
  };
  for (const [key, value] of Object.entries(content.labels)) walk(value, `/labels/${toToken(key)}`);
  for (const [key, value] of Object.entries(content.annotations))
    if (!key.startsWith(OWNER_PREFIX)) walk(value, `/annotations/${toToken(key)}`);
  for (const [key, value] of Object.entries(content.spec satisfies JsonObject))
    walk(value, `/spec/${toToken(key)}`);
  return leaves;
}

function set(draft: Draft, path: string, value: unknown): void {
  const steps = stepsOf(path);
  const last = steps.pop() ?? '';
  let parent = draft as unknown as Record<string, unknown>;
  for (const step of steps) {
    const next = inner(parent, step);
    if (next === null) parent[step] = {};
    parent = next ?? (parent[step] as Record<string, unknown>);
  }
  parent[last] = value;
}

/** Takes a value away, and the mappings that it leaves empty. */
function unset(draft: Draft, path: string): void {
  const steps = stepsOf(path);
  const parents: Record<string, unknown>[] = [draft as unknown as Record<string, unknown>];
  for (const step of steps.slice(0, -1)) {
    const next = inner(parents.at(-1) ?? {}, step);
    if (next === null) return;
    parents.push(next);
  }
  for (let depth = steps.length - 1; depth > 0; depth--) {
    const parent = parents[depth];
    delete parent?.[steps[depth] ?? ''];
    if (parent === undefined || Object.keys(parent).length > 0) return;
  }
}

/** What every object has by birth is in no manifest: a path may say `__proto__`. */
function inner(parent: Record<string, unknown>, step: string): Record<string, unknown> | null {
  const value = Object.hasOwn(parent, step) ? parent[step] : null;
  return isMapping(value) ? (value as Record<string, unknown>) : null;
}

function parsePaths(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(path => typeof path === 'string') : [];
  } catch {
    // Edited by hand, or none: nobody owns anything.
    return [];
  }
}
