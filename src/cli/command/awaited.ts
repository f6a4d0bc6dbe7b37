import {
  CONDITION_TYPES,
  type ConditionType,
  findCondition,
  ONLY_WHEN_ABNORMAL,
} from '../../api/condition.ts';
import type { Container } from '../../api/container.ts';
import { suggest } from '../../manifests/suggest.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { evaluate } from '../jsonpath/evaluate.ts';
import { parsePathOnly } from '../jsonpath/parse-template.ts';
import { toText } from '../jsonpath/render.ts';
import type { Path } from '../jsonpath/template.ts';

/** What `wait --for` waits for. */
export type Awaited =
  | { readonly is: 'condition'; readonly type: ConditionType; readonly status: string }
  | { readonly is: 'delete' }
  | { readonly is: 'create' }
  /** Null: whatever it is, as long as it is there. */
  | { readonly is: 'jsonpath'; readonly path: Path; readonly value: string | null };

/** Reads `condition=Ready=false`, `delete`, `create` or `jsonpath={.status.phase}=Running`; a mistake is thrown. */
export function parseAwaited(text: string): Awaited {
  const [, word = '', argument] = /^([^=]*)(?:=([\s\S]*))?$/.exec(text) ?? [];
  switch (word.toLowerCase()) {
    case 'delete':
    case 'create':
      if (argument === undefined) return { is: word.toLowerCase() as 'delete' | 'create' };
      break;
    case 'condition':
      if (argument !== undefined) return parseCondition(argument);
      break;
    case 'jsonpath':
      if (argument !== undefined) return parseJsonPath(argument);
      break;
  }
  throw new CliError(EXIT.usage, `--for: not something to wait for: "${text}"`, [
    'condition=Ready, condition=Ready=false, delete, create,',
    "jsonpath='{.status.phase}'=Running, or jsonpath='{.status.leader}' for whatever it is",
  ]);
}

/** `null`: there is no such container. */
export function isMet(awaited: Awaited, container: Container | null): boolean {
  if (awaited.is === 'delete') return container === null;
  if (container === null) return false;
  if (awaited.is === 'create') return true;
  if (awaited.is === 'condition') return statusOf(awaited.type, container) === awaited.status.toLowerCase();
  const found = evaluate(awaited.path, container).map(toText);
  if (awaited.value === null) return found.length > 0;
  return found.length > 0 && found.every(text => text === awaited.value);
}

/** As `container/web CONDITION` and "timed out waiting for CONDITION" want it. */
export function describeAwaited(awaited: Awaited): string {
  switch (awaited.is) {
    case 'condition':
      return `${awaited.type}=${awaited.status}`;
    case 'jsonpath':
      return awaited.value === null ? 'the field' : `the field to be ${awaited.value}`;
    default:
      return awaited.is;
  }
}

function parseCondition(text: string): Awaited {
  const [, name = '', status = 'True'] = /^([^=]*)(?:=([\s\S]*))?$/.exec(text) ?? [];
  const type = CONDITION_TYPES.find(known => known.toLowerCase() === name.toLowerCase());
  if (type !== undefined && /^(?:true|false|unknown)$/i.test(status))
    return { is: 'condition', type, status: status.charAt(0).toUpperCase() + status.slice(1).toLowerCase() };
  if (type !== undefined)
    throw new CliError(EXIT.usage, `--for: a condition is True, False or Unknown, and never "${status}"`);
  const meant = suggest(name, CONDITION_TYPES);
  throw new CliError(EXIT.usage, `--for: no such condition: "${name}"`, [
    meant === null ? `there are ${CONDITION_TYPES.join(', ')}` : `did you mean ${meant}?`,
  ]);
}

function parseJsonPath(text: string): Awaited {
  const at = equalsOutside(text);
  const path = parsePathOnly(at === null ? text : text.slice(0, at), '--for=jsonpath');
  if (at === null) return { is: 'jsonpath', path, value: null };
  const value = text.slice(at + 1).replaceAll(/^['"]|['"]$/g, '');
  if (value === '')
    throw new CliError(EXIT.usage, '--for=jsonpath: nothing is after the =', [
      "such as --for=jsonpath='{.status.phase}'=Running",
    ]);
  return { is: 'jsonpath', path, value };
}

/** The first = that is in no braces and brackets: the one between path and value. */
function equalsOutside(text: string): number | null {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    else if (character === '=' && depth === 0) return at;
  }
  return null;
}

/** In lower case. What is only there when abnormal is False when it is not there; what was said of an older spec is unknown. */
function statusOf(type: ConditionType, { metadata, status }: Container): string {
  const condition = findCondition(status.conditions, type);
  if (condition === undefined) return ONLY_WHEN_ABNORMAL.has(type) ? 'false' : 'unknown';
  return condition.observedGeneration < metadata.generation ? 'unknown' : condition.status.toLowerCase();
}
