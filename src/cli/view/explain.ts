import { API_VERSION, KIND } from '../../api/manifest.ts';
import type { JsonSchema } from '../../api/manifest-schema.ts';
import { boundsInWords, typeInWords } from '../../api/schema-path.ts';
import type { ChangeClass } from '../../planning/change.ts';
import type { Paint } from '../../view/paint.ts';
import { wrap } from './wrap.ts';

/** A field to explain; the path is empty for the manifest itself. */
export interface Explained {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
  /** Null for what is no field of the spec. */
  readonly changeClass: ChangeClass | null;
}

/** A field in the form of `kubectl explain`, with what else one wants to know before writing it. Pure. */
export function explainField(field: Explained, isRecursive: boolean, paint: Paint): string {
  const { path, schema, changeClass } = field;
  const [group = '', version = ''] = API_VERSION.split('/');
  const head = (title: string) => paint('bold', title);
  const lines = [
    `${head('GROUP:')}      ${group}`,
    `${head('KIND:')}       ${KIND}`,
    `${head('VERSION:')}    ${version}`,
    '',
  ];
  if (path.length > 0)
    lines.push(`${head('FIELD:')} ${titled(path.join('.'), schema, field.isRequired)}`, '');
  if (schema.enum !== undefined)
    lines.push(head('ENUM:'), ...schema.enum.map(value => `    ${String(value)}`), '');
  if (schema.description !== undefined)
    lines.push(head('DESCRIPTION:'), ...paragraph(schema.description), '');
  const bounds = boundsInWords(schema);
  if (bounds.length > 0) lines.push(head('BOUNDS:'), ...paragraph(bounds.join('; ')), '');
  if (schema.default !== undefined) lines.push(head('DEFAULT:'), `    ${shown(schema.default)}`, '');
  if (schema.examples !== undefined)
    lines.push(head('EXAMPLES:'), ...schema.examples.map(value => `    ${inManifest(path, value)}`), '');
  if (changeClass !== null) lines.push(head('WHEN CHANGED:'), ...paragraph(COSTS[changeClass]), '');
  const fields = isRecursive ? nested(schema, '  ') : summaries(schema, paint);
  if (fields.length > 0) lines.push(head('FIELDS:'), ...fields);
  return `${lines.join('\n').trimEnd()}\n`;
}

const COSTS: Readonly<Record<ChangeClass, string>> = {
  live: 'live: no restart; a running guest goes on.',
  reload: 'reload: a running guest switches, without a restart.',
  restart: 'restart: a running guest is stopped and started again (see restartIfChanged).',
};

function summaries(schema: JsonSchema, paint: Paint): readonly string[] {
  return fieldsOf(schema).flatMap(([name, field, isRequired]) => [
    `  ${paint('bold', titled(name, field, isRequired))}`,
    ...paragraph(field.description ?? ''),
    '',
  ]);
}

function nested(schema: JsonSchema, indent: string): readonly string[] {
  return fieldsOf(schema).flatMap(([name, field, isRequired]) => [
    `${indent}${titled(name, field, isRequired)}`,
    ...nested(field, `${indent}  `),
  ]);
}

function fieldsOf({ properties = {}, required = [] }: JsonSchema) {
  return Object.entries(properties).map(([name, field]) => [name, field, required.includes(name)] as const);
}

function titled(name: string, schema: JsonSchema, isRequired: boolean): string {
  return `${name} <${typeInWords(schema)}>${isRequired ? ' -required-' : ''}`;
}

function paragraph(text: string): readonly string[] {
  return wrap(text, TEXT_WIDTH).map(line => `    ${line}`);
}

const TEXT_WIDTH = 76;

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `field: value`; JSON is YAML, and needs no second line. */
function inManifest(path: readonly string[], value: unknown): string {
  const isPlain = typeof value === 'string' && /^[A-Za-z0-9/][\w./@+-]*$/.test(value);
  return `${path.at(-1) ?? ''}: ${isPlain ? value : JSON.stringify(value)}`;
}
