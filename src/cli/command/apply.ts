import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Container } from '../../api/container.ts';
import type { Manifest } from '../../api/manifest.ts';
import { contentOf, OWNER_PREFIX } from '../../api/manifest-content.ts';
import { isSelected, labelIn, parseLabelSelector, type Selector } from '../../api/selector.ts';
import type { Preview } from '../../controller/ports.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { fullPath } from '../read-files.ts';
import { formatProblems } from '../view/problem.ts';
import { readManifests } from './read-manifests.ts';

export interface ApplyCommand {
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly prune: { readonly isOn: boolean; readonly selector: string | null; readonly all: boolean };
}

/** With which the daemon notes what this command has applied. */
const APPLIED_BY_US = `${OWNER_PREFIX}nspawnctl`;

/**
 * `nspawnctl apply -f FILE...`: each container's manifest says from then on what the file says. All files are judged before
 * the first is applied, and what a change costs is said with it.
 */
export async function apply(
  paths: readonly string[],
  { dryRun, force, prune }: ApplyCommand,
  context: Context,
): Promise<ExitCode> {
  const { client, terminal } = context;
  const doomed = pruneSelector(prune);
  const read = await readManifests(paths, terminal);
  if (read === null) return EXIT.invalidManifest;
  // Also before a prune: a directory that is not mounted says nothing of what is to go.
  if (read.manifests.length === 0)
    throw new CliError(EXIT.usage, `no manifests in ${paths.join(', ')}; nothing was changed`, [
      'manifests are files *.yaml, *.yml and *.json',
    ]);
  const [list, source] = await Promise.all([client.list(), client.source()]);
  refuseOwnDirectory(paths, source.directory);
  const previews = await client.preview(read.files.map(({ file, text }) => ({ file: fullPath(file), text })));
  const problems = previews.flatMap(preview => preview.problems);
  if (problems.length > 0) {
    await terminal.err(formatProblems(problems, new Map(), terminal.paint));
    return EXIT.invalidManifest;
  }

  const suffix = dryRun ? ' (dry run)' : '';
  const before = new Map(list.items.map(item => [item.metadata.name, item]));
  for (const manifest of read.manifests) {
    const { name, labels, annotations, written } = manifest;
    const known = before.get(name) ?? null;
    const container = { metadata: { name, labels, annotations }, spec: written };
    const after = await client.apply(name, container, { dryRun, force });
    const said = known === null ? 'created' : isSame(known, after) ? 'unchanged' : 'configured';
    const cost = known === null ? '' : costOf(manifest, previews);
    await terminal.out(`container/${name} ${said}${suffix}${cost}\n`);
  }

  if (doomed === null) return EXIT.done;
  const kept = new Set(read.manifests.map(({ name }) => name));
  const wasApplied = ({ metadata }: Container) => metadata.annotations?.[APPLIED_BY_US] !== undefined;
  const gone = list.items.filter(
    item =>
      wasApplied(item) &&
      !kept.has(item.metadata.name) &&
      isSelected(doomed, key => labelIn(item.metadata.labels, key)),
  );
  for (const { metadata } of gone) {
    await client.remove(metadata.name, { dryRun, ownOnly: true });
    await terminal.out(`container/${metadata.name} pruned${suffix}\n`);
  }
  return EXIT.done;
}

/** Null: nothing is pruned. */
function pruneSelector({ isOn, selector, all }: ApplyCommand['prune']): Selector | null {
  if (!isOn) return null;
  if (selector === null && !all)
    throw new CliError(EXIT.usage, '--prune: of which containers?', [
      'of those with such labels: -l team=web',
      'of all that were ever applied: --all',
    ]);
  const parsed = parseLabelSelector(selector ?? '');
  if (typeof parsed === 'string') throw new CliError(EXIT.usage, `-l: ${parsed}`);
  // A variable that is not set, more likely than everything.
  if (parsed.length === 0 && !all)
    throw new CliError(EXIT.usage, '-l: no labels in it', ['of all that were ever applied: --all']);
  return parsed;
}

/** What lies in the manifests directory is in force already; applying it would say it twice. */
function refuseOwnDirectory(paths: readonly string[], directory: string): void {
  const own = paths.find(path => path !== '-' && `${resolve(path)}/`.startsWith(`${directory}/`));
  if (own === undefined) return;
  throw new CliError(EXIT.refused, `${own} is in ${directory}: it is in force as soon as it is saved`, [
    `see what it does: nspawnctl diff; nspawnctl get -w`,
  ]);
}

function isSame(before: Container, after: Container): boolean {
  const written = (container: Container) => {
    const content = contentOf(container);
    const { [APPLIED_BY_US]: _applied, ...annotations } = content.annotations;
    return { ...content, annotations };
  };
  return isDeepStrictEqual(written(before), written(after));
}

/** What a running guest will feel of it. */
function costOf({ name }: Manifest, previews: readonly Preview[]): string {
  const changes = previews.find(preview => preview.name === name)?.changes ?? [];
  const fields = (of: 'restart' | 'reload') =>
    changes.filter(({ changeClass }) => changeClass === of).map(({ field }) => field.replace(/^spec\./, ''));
  const restart = fields('restart');
  const reload = fields('reload');
  if (restart.length > 0) return `: restarts for ${restart.join(', ')}`;
  return reload.length > 0 ? `: reloads for ${reload.join(', ')}` : '';
}
