import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import type { Operand, Operator, Path, Selector, Step } from './template.ts';

/** More than any answer has; a path of many `..` finds each value many times over. */
const MAX_VALUES = 1_000_000;

/**
 * What a path finds, in the order of the object. What is not there is nothing: a field that is missing, and unlike with
 * kubectl also an index beyond the end (`.status.addresses[0]` of a container that has none).
 */
export function evaluate(path: Path, value: unknown): readonly unknown[] {
  let values: readonly unknown[] = [value];
  for (const step of path) values = takeStep(step, values);
  return values;
}

function takeStep(step: Step, values: readonly unknown[]): readonly unknown[] {
  const found: unknown[] = [];
  if (step.is === 'descend') for (const value of values) descend(value, found);
  // As kubectl has it: all that the first selector finds, then all that the second one does.
  else
    for (const selector of step.selectors)
      for (const value of values) for (const child of select(selector, value)) add(child, found);
  return found;
}

function descend(value: unknown, found: unknown[]): void {
  if (typeof value !== 'object' || value === null) return;
  add(value, found);
  for (const child of Object.values(value)) descend(child, found);
}

function add(value: unknown, found: unknown[]): void {
  if (found.length >= MAX_VALUES)
    throw new CliError(EXIT.usage, 'the path finds more than a million values: it has too many ".."');
  found.push(value);
}

function select(selector: Selector, value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  switch (selector.is) {
    case 'every':
      return Object.values(value);
    case 'key':
      return selectKey(selector.name, selector.path, value);
    case 'index': {
      const at = selector.at < 0 && Array.isArray(value) ? selector.at + value.length : selector.at;
      return Array.isArray(value) && at >= 0 && at < value.length ? [value[at]] : [];
    }
    case 'slice': {
      if (!Array.isArray(value)) return [];
      const part: readonly unknown[] = value.slice(selector.from ?? 0, selector.to ?? undefined);
      return part.filter((_value, at) => at % selector.step === 0);
    }
    case 'filter':
      return Object.values(value).filter(child => passes(selector, child));
  }
}

function selectKey(name: string, path: Path | null, value: object): readonly unknown[] {
  // An index is no key of an array.
  if (!Array.isArray(value) && Object.hasOwn(value, name)) return [(value as Record<string, unknown>)[name]];
  return path === null ? [] : evaluate(path, value);
}

function passes({ left, test }: Selector & { is: 'filter' }, value: unknown): boolean {
  const lefts = operandValues(left, value);
  if (test === null) return lefts.length > 0;
  const rights = operandValues(test.right, value);
  // Of several values none is the one to compare, and what is missing is neither equal nor unequal.
  return lefts.length === 1 && rights.length === 1 && compare(test.operator, lefts[0], rights[0]);
}

function operandValues(operand: Operand, value: unknown): readonly unknown[] {
  return operand.is === 'literal' ? [operand.value] : evaluate(operand.path, value);
}

function compare(operator: Operator, left: unknown, right: unknown): boolean {
  if (operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  const isOrdered =
    (typeof left === 'number' && typeof right === 'number') ||
    (typeof left === 'string' && typeof right === 'string');
  if (!isOrdered) return false;
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}
