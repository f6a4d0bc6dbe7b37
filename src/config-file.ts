import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { issuesOf, type ManifestIssue } from './api/manifest-issue.ts';
import { settingsSchema } from './config.ts';
import { suggest } from './manifests/suggest.ts';
import { distrust } from './manifests/trust.ts';
import { readYaml, type YamlDocument } from './manifests/yaml.ts';

export const CONFIG_FILE = '/etc/nspawnd/nspawnd.yaml';
const MAX_BYTES = 64 * 1024;

/** Settings as they were written, judged; only those that were. */
export type WrittenSettings = Readonly<Record<string, unknown>>;

/** A file of settings that a person has to mend; a line of the message for everything that is wrong with it. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * The settings of a file; null where there is none. Whoever may write it decides who is root, so it belongs to root and to
 * nobody else. Throws a ConfigError for what a person has to mend, and what the system says when it cannot be read.
 */
export async function readConfigFile(path: string): Promise<WrittenSettings | null> {
  const text = await readText(path);
  return text === null ? null : judgeSettings(path, text);
}

/** The settings in a text; throws a ConfigError that names every problem with its place. Pure. */
export function judgeSettings(file: string, text: string): WrittenSettings {
  const [document, another] = documentsOf(file, text);
  if (document === undefined) return {};
  if (another !== undefined) throw new ConfigError([`${file}:${another.line}:1: more than one document`]);
  const at = (position: { readonly line: number; readonly column: number }, message: string) =>
    `${file}:${position.line}:${position.column}: ${message}`;
  if (document.faults.length > 0)
    throw new ConfigError(
      document.faults.slice(0, MAX_PROBLEMS).map(fault => at(fault.position, fault.message)),
    );
  const verdict = settingsSchema.safeParse(document.value, { reportInput: true });
  if (verdict.success) return document.value as WrittenSettings;
  const problems = issuesOf(verdict.error)
    .slice(0, MAX_PROBLEMS)
    .map(issue => ({ ...issue, position: document.locate(issue.path, issue.about) }))
    .sort((one, other) => one.position.line - other.position.line)
    .map(issue => at(issue.position, [...issue.path, messageOf(issue)].join(': ')));
  throw new ConfigError(problems);
}

const MAX_PROBLEMS = 50;

function documentsOf(file: string, text: string): readonly YamlDocument[] {
  try {
    return readYaml(text).filter(document => !document.isEmpty || document.faults.length > 0);
  } catch (error) {
    // Nested too deeply.
    throw new ConfigError([`${file}:1:1: ${(error as Error).message}`]);
  }
}

function messageOf({ path, message, choice }: ManifestIssue): string {
  if (choice !== undefined) return withHint(message, suggest(choice.found, choice.allowed));
  if (message !== 'unknown field') return message;
  return withHint('unknown setting', suggest(String(path.at(-1)), Object.keys(settingsSchema.shape)));
}

function withHint(message: string, meant: string | null): string {
  return meant === null ? message : `${message}; did you mean "${meant}"?`;
}

async function readText(path: string): Promise<string | null> {
  let handle: FileHandle;
  try {
    // A FIFO's writer is not waited for.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new ConfigError([`${path}: not a file`]);
    const objection = distrust(path, stats, process.getuid?.() ?? 0);
    if (objection !== null) throw new ConfigError([objection]);
    if (stats.size > MAX_BYTES) throw new ConfigError([`${path}: larger than ${MAX_BYTES} bytes`]);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES + 1), 0, MAX_BYTES + 1, 0);
    if (bytesRead > MAX_BYTES) throw new ConfigError([`${path}: larger than ${MAX_BYTES} bytes`]);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead));
  } catch (error) {
    if (error instanceof TypeError) throw new ConfigError([`${path}: not UTF-8 text`]);
    throw error;
  } finally {
    await handle.close();
  }
}
