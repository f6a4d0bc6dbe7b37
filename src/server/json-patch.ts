import { isDeepStrictEqual } from 'node:util';
import { isMapping } from '../api/is-mapping.ts';
import { stepsOf } from './json-pointer.ts';

const MAX_OPERATIONS = 1_000;
/** What is copied can be copied again: a few operations could make anything of anything. Kubernetes has such a bound, too. */
const MAX_COPIED_LENGTH = 1024 * 1024;

/** RFC 6902. A string says which operation cannot be done and why; then none was. */
export function jsonPatch(target: unknown, patch: unknown): { readonly value: unknown } | string {
  if (!Array.isArray(patch)) return 'expected a list of operations';
  if (patch.length > MAX_OPERATIONS) return `more than ${MAX_OPERATIONS} operations`;
  const holder = { value: structuredClone(target), copiedLength: 0 };
  for (const [index, operation] of patch.entries()) {
    const problem = perform(holder, operation);
    if (problem !== null) return `operation ${index}: ${problem}`;
  }
  return { value: holder.value };
}

function perform(holder: Holder, operation: unknown): string | null {
  if (!isMapping(operation)) return 'expected {op, path, value}';
  const { op, path, from, value } = operation;
  const place = find(holder, path);
  if (typeof place === 'string') return place;
  switch (op) {
    case 'test':
      return isDeepStrictEqual(read(place), value) ? null : `the value at ${String(path)} is another`;
    case 'add':
      return insert(place, structuredClone(value));
    case 'replace':
      return isThere(place) ? replace(place, structuredClone(value)) : `nothing is at ${String(path)}`;
    case 'remove':
      return isThere(place) ? remove(place) : `nothing is at ${String(path)}`;
    case 'copy':
    case 'move': {
      const source = find(holder, from);
      if (typeof source === 'string') return source;
      if (!isThere(source)) return `nothing is at ${String(from)}`;
      holder.copiedLength += op === 'copy' ? (JSON.stringify(read(source))?.length ?? 0) : 0;
      if (holder.copiedLength > MAX_COPIED_LENGTH) return 'too much is copied';
      const moved = structuredClone(read(source));
      const problem = op === 'move' ? remove(source) : null;
      if (problem !== null) return problem;
      const target = find(holder, path);
      return typeof target === 'string' ? target : insert(target, moved);
    }
    default:
      return `no operation ${JSON.stringify(op)}`;
  }
}

interface Holder {
  value: unknown;
  copiedLength: number;
}

/** A parent and what the last step of a pointer names in it. */
interface Place {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: string;
}

function find(holder: Holder, pointer: unknown): Place | string {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/')))
    return 'expected a JSON pointer such as /spec/root';
  let parent: unknown = holder;
  let key = 'value';
  for (const step of stepsOf(pointer)) {
    if (!isContainer(parent)) return `nothing is at ${pointer}`;
    parent = read({ parent, key });
    key = step;
  }
  return isContainer(parent) ? { parent, key } : `nothing is at ${pointer}`;
}

function isContainer(value: unknown): value is Place['parent'] {
  return typeof value === 'object' && value !== null;
}

function read({ parent, key }: Place): unknown {
  return Object.hasOwn(parent, key) ? (parent as Record<string, unknown>)[key] : undefined;
}

function isThere({ parent, key }: Place): boolean {
  return Array.isArray(parent) ? indexIn(key, parent.length - 1) !== null : Object.hasOwn(parent, key);
}

function insert({ parent, key }: Place, value: unknown): string | null {
  if (!Array.isArray(parent)) return set(parent, key, value);
  const index = key === '-' ? parent.length : indexIn(key, parent.length);
  if (index === null) return `no place ${JSON.stringify(key)} in the list`;
  parent.splice(index, 0, value);
  return null;
}

function replace({ parent, key }: Place, value: unknown): string | null {
  if (!Array.isArray(parent)) return set(parent, key, value);
  parent[Number(key)] = value;
  return null;
}

function set(parent: Record<string, unknown>, key: string, value: unknown): string | null {
  if (key === '__proto__') return '"__proto__" cannot be a key';
  parent[key] = value;
  return null;
}

function remove({ parent, key }: Place): string | null {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
  return null;
}

function indexIn(key: string, max: number): number | null {
  return /^(0|[1-9]\d{0,8})$/.test(key) && Number(key) <= max ? Number(key) : null;
}
