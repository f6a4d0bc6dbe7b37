import { MAX_DEPENDENCIES } from '../api/field-values.ts';
import { fieldsAt, type JsonObject, type Manifest } from '../api/manifest.ts';
import { judgeManifest, type ManifestIssue } from '../api/manifest-issue.ts';
import { isName } from '../api/name.ts';
import type { Problem } from '../api/problem.ts';
import { specHash } from '../api/spec-hash.ts';
import type { FileText } from '../controller/ports.ts';
import { messageOf } from '../errors.ts';
import {
  FILE_START,
  MAX_PROBLEMS_PER_FILE,
  type ParsedDocument,
  type Position,
  problemAt,
} from './document.ts';
import { safeText } from './safe-text.ts';
import { suggest } from './suggest.ts';
import { readYaml, type YamlDocument } from './yaml.ts';

export const MAX_FILE_BYTES = 1024 * 1024;
export const MAX_DOCUMENTS_PER_FILE = 256;

/**
 * A file's text as judged documents, in their order. Never throws and never returns none: a text without any document
 * is one broken document without a name, because an emptied file must not read as a deletion.
 */
export function parseText({ file, text }: FileText): readonly ParsedDocument[] {
  if (text.length > MAX_FILE_BYTES) return [brokenFile(file, `larger than ${MAX_FILE_BYTES} bytes`)];
  const separators = text.match(/^---(?=\s|$)/gm)?.length ?? 0;
  if (separators > MAX_DOCUMENTS_PER_FILE)
    return [brokenFile(file, `more than ${MAX_DOCUMENTS_PER_FILE} documents`)];

  let documents: readonly YamlDocument[];
  try {
    documents = readYaml(text).filter(document => !document.isEmpty || document.faults.length > 0);
  } catch (error) {
    return [brokenFile(file, messageOf(error))];
  }
  if (documents.length === 0)
    return [brokenFile(file, 'holds no manifest; to remove its containers, delete the file')];
  if (documents.length > MAX_DOCUMENTS_PER_FILE)
    return [brokenFile(file, `more than ${MAX_DOCUMENTS_PER_FILE} documents`)];
  let problemsLeft = MAX_PROBLEMS_PER_FILE;
  return documents.map((document, index) => {
    const judged = judgeDocument(file, index, document, problemsLeft);
    problemsLeft = Math.max(0, problemsLeft - judged.problems.length);
    return judged;
  });
}

/** A file from which nothing can be read at all. */
export function brokenFile(file: string, message: string): ParsedDocument {
  const problems = [problemAt(file, FILE_START, '', message)];
  return { file, index: 0, line: 1, name: null, manifest: null, problems, addresses: [], positions: {} };
}

function judgeDocument(file: string, index: number, yaml: YamlDocument, maxProblems: number): ParsedDocument {
  const { line, value } = yaml;
  const name = nameIn(value);
  /** Only what is shown is located and worded: a file may have any number of faults. */
  const broken = <T>(faults: readonly T[], toProblem: (fault: T) => Problem): ParsedDocument => {
    const problems = faults.slice(0, maxProblems).map(toProblem).sort(byPlace);
    const more = faults.length - problems.length;
    if (more > 0)
      problems.push(problemAt(file, problems.at(-1) ?? { line, column: 1 }, '', `and ${more} more problems`));
    const addresses = addressesIn(value);
    return { file, index, line, name, manifest: null, problems, addresses, positions: positionsIn(yaml) };
  };
  if (yaml.faults.length > 0)
    return broken(yaml.faults, fault => problemAt(file, fault.position, '', fault.message));
  const verdict = judgeManifest(value);
  if (verdict.fields === null) {
    return broken(verdict.issues, issue =>
      problemAt(file, yaml.locate(issue.path, issue.about), showPath(issue.path), messageOfIssue(issue)),
    );
  }
  const { metadata, spec } = verdict.fields;
  const written = (value as { readonly spec: JsonObject }).spec;
  const manifest: Manifest = {
    name: metadata.name,
    labels: metadata.labels,
    annotations: metadata.annotations,
    spec,
    written,
    specHash: specHash(written),
    place: { file: safeText(file), line },
  };
  return { file, index, line, name, manifest, problems: [], addresses: [], positions: positionsIn(yaml) };
}

function byPlace(one: Problem, other: Problem): number {
  return one.line - other.line || one.column - other.column;
}

/** The name of however broken a document, so that its container is known to be meant. */
function nameIn(value: unknown): string | null {
  const name = (value as { metadata?: { name?: unknown } | null } | null | undefined)?.metadata?.name;
  return typeof name === 'string' && isName(name) ? name : null;
}

function addressesIn(value: unknown): readonly string[] {
  const spec = (value as { spec?: unknown } | null | undefined)?.spec as
    | Partial<Record<'hostAddress' | 'localAddress', unknown>>
    | null
    | undefined;
  return [spec?.hostAddress, spec?.localAddress].filter(address => typeof address === 'string');
}

function dependenciesIn(value: unknown): readonly unknown[] {
  const found = (value as { spec?: { dependsOn?: unknown } | null } | null | undefined)?.spec?.dependsOn;
  return Array.isArray(found) ? found.slice(0, MAX_DEPENDENCIES) : [];
}

/** Fields that `admission.ts` may object to. */
const CONTESTED_FIELDS = [
  'metadata.name',
  'spec.root',
  'spec.hostAddress',
  'spec.localAddress',
  'spec.hostAddress6',
  'spec.localAddress6',
  'spec.macvlans',
  'spec.interfaces',
] as const;

function positionsIn(yaml: YamlDocument): Readonly<Record<string, Position>> {
  const fields = CONTESTED_FIELDS.map(field => [field, yaml.locate(field.split('.'), 'value')] as const);
  const others = dependenciesIn(yaml.value).map(
    (_, index) => [`spec.dependsOn[${index}]`, yaml.locate(['spec', 'dependsOn', index], 'value')] as const,
  );
  return Object.fromEntries([...fields, ...others]);
}

function showPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((shown, step) => {
    if (typeof step === 'number') return `${shown}[${step}]`;
    return shown === '' ? String(step) : `${shown}.${String(step)}`;
  }, '');
}

function messageOfIssue(issue: ManifestIssue): string {
  if (issue.choice !== undefined) {
    const meant = suggest(issue.choice.found, issue.choice.allowed);
    return meant === null ? issue.message : `${issue.message}; did you mean "${meant}"?`;
  }
  if (issue.message !== 'unknown field') return issue.message;
  const parent = issue.path.slice(0, -1);
  const key = String(issue.path.at(-1));
  const meant = suggest(key, fieldsAt(parent));
  if (meant !== null) return `unknown field; did you mean "${meant}"?`;
  const section = SECTIONS.find(candidate => fieldsAt(candidate).includes(key));
  if (section === undefined) return 'unknown field';
  return section.length === 0
    ? 'unknown field; it belongs at the top level'
    : `unknown field; it belongs under "${section.join('.')}"`;
}

const SECTIONS: readonly (readonly string[])[] = [['spec'], ['metadata'], []];
