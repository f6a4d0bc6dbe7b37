import type { z } from 'zod';
import { manifestSchema } from './manifest.ts';

/** A value that the schema accepts, in its two parts, or everything it objects to. */
export type ManifestVerdict =
  | { readonly fields: z.output<typeof manifestSchema>; readonly issues: readonly [] }
  | { readonly fields: null; readonly issues: readonly ManifestIssue[] };

/** One objection, in words; `key` is set where a field is not known at all. */
export interface ManifestIssue {
  readonly path: readonly PropertyKey[];
  /** Where to look: the value, the unknown key itself, or the parent of what is missing. */
  readonly about: 'value' | 'key' | 'missing';
  readonly message: string;
  /** Where only some words may stand: these, and the one found. */
  readonly choice?: { readonly found: string; readonly allowed: readonly string[] };
}

/** Judges a parsed document by the schema; every issue at once, in the schema's order. */
export function judgeManifest(value: unknown): ManifestVerdict {
  const result = manifestSchema.safeParse(value, { reportInput: true });
  if (result.success) return { fields: result.data, issues: [] };
  return { fields: null, issues: issuesOf(result.error) };
}

/** What a schema of ours objects to; the value has to be among what it reports (`reportInput`). */
export function issuesOf(error: z.ZodError): readonly ManifestIssue[] {
  return error.issues.flatMap(toIssues);
}

type ZodIssue = z.core.$ZodIssue;

function toIssues(issue: ZodIssue): readonly ManifestIssue[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ path: [...path, key], about: 'key', message: 'unknown field' }));
  }
  if (issue.code === 'invalid_key') {
    const message = issue.issues.map(inner => inner.message).join('; ');
    return [{ path, about: 'key', message: message === '' ? 'not a valid key' : message }];
  }
  if (issue.input === undefined && issue.code !== 'custom') {
    return [{ path, about: 'missing', message: 'is required' }];
  }
  if (issue.code === 'custom' && issue.params?.isMissing === true)
    return [{ path, about: 'missing', message: issue.message }];
  return [{ path, about: 'value', message: messageOfValue(issue), ...choiceOf(issue) }];
}

function choiceOf(issue: ZodIssue): Pick<ManifestIssue, 'choice'> {
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string') return {};
  return { choice: { found: issue.input, allowed: issue.values.map(String) } };
}

/** Zod's own words are for programmers; ours say what was expected and what was found. */
function messageOfValue(issue: ZodIssue): string {
  const isOwnWording = !issue.message.startsWith('Invalid ');
  if (isOwnWording && issue.code !== 'too_big') return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${NOUNS[issue.expected] ?? issue.expected}, found ${describe(issue.input)}${hintFor(issue.expected, issue.input)}`;
    case 'invalid_value':
      return `expected ${issue.values.map(value => String(value)).join(', ')}; found ${describe(issue.input)}`;
    case 'too_big':
      return issue.message.startsWith('Too big') ? `longer than ${issue.maximum} characters` : issue.message;
    default:
      return issue.message;
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  string: 'text',
  number: 'a number',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  array: 'a list',
};

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
}

/** YAML's own traps: what looks like text may be a number, and yes and no are words since YAML 1.2. */
function hintFor(expected: string, value: unknown): string {
  if (expected === 'boolean' && typeof value === 'string' && /^(yes|no|on|off|y|n|true|false)$/i.test(value))
    return ' (write true or false, without quotes)';
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return ` (write it in quotes: "${String(value)}")`;
  return '';
}
