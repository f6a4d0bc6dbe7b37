import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { readManifests } from './read-manifests.ts';
import { select } from './select.ts';
import { FIRST_WORD_MS, sightings } from './sightings.ts';

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly ignoreNotFound: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/** `nspawnctl delete NAME...|-f FILE...`: the manifest goes, and the container with it. Data is never deleted by it. */
export async function deleteContainers(
  names: readonly string[],
  paths: readonly string[],
  { dryRun, ignoreNotFound, wait, timeoutMs }: DeleteOptions,
  context: Context,
): Promise<ExitCode> {
  const { client, terminal } = context;
  if (names.length === 0 && paths.length === 0)
    throw new CliError(EXIT.usage, 'which containers?', ['name them, or -f FILE']);
  const read = paths.length === 0 ? { manifests: [] } : await readManifests(paths, terminal);
  if (read === null) return EXIT.invalidManifest;
  const list = await client.list();
  const wanted = [...names, ...read.manifests.map(({ name }) => name)];
  const { found, missing } = await select(list.items, wanted);
  if (!ignoreNotFound) for (const error of missing) await reportError(error, terminal);
  if (missing.length > 0 && !ignoreNotFound) return EXIT.noSuchObject;

  const going = new Map<string, string>();
  let code: ExitCode = EXIT.done;
  for (const { metadata } of found) {
    const { name } = metadata;
    try {
      const { root } = await client.remove(name, { dryRun, ownOnly: false });
      const rest = root === null ? '' : ` (its root stays: ${escapeLine(root)})`;
      if (dryRun || !wait)
        await terminal.out(`container/${name} ${dryRun ? 'deleted (dry run)' : 'deletion begun'}${rest}\n`);
      else going.set(name, rest);
    } catch (error) {
      // One that may not go is no reason to keep waiting for those that do.
      if (!(error instanceof CliError) || error.exitCode !== EXIT.refused) throw error;
      await reportError(error, terminal);
      code = EXIT.refused;
    }
  }
  if (going.size === 0) return code;
  const isInTime = await untilGone(going, timeoutMs, context);
  return isInTime ? code : EXIT.timedOut;
}

async function untilGone(going: Map<string, string>, timeoutMs: number, context: Context): Promise<boolean> {
  const { terminal } = context;
  const over = new AbortController();
  const deadline = setTimeout(() => over.abort(), timeoutMs);
  const slow = setTimeout(() => {
    void terminal.err(`waiting for ${[...going.keys()].join(', ')} to stop ...\n`);
  }, FIRST_WORD_MS);
  try {
    for await (const seen of sightings(() => going.keys(), context, over.signal)) {
      for (const [name, container] of seen) {
        const rest = going.get(name);
        if (container !== null || rest === undefined) continue;
        going.delete(name);
        await terminal.out(`container/${name} deleted${rest}\n`);
      }
      if (going.size === 0) return true;
    }
  } finally {
    clearTimeout(deadline);
    clearTimeout(slow);
    over.abort();
  }
  for (const name of going.keys())
    await reportError(
      new CliError(EXIT.timedOut, `${name} is still being stopped; its manifest is deleted`, [
        `watch it: nspawnctl get -w ${name}`,
        `see why: nspawnctl describe ${name}`,
      ]),
      terminal,
    );
  return false;
}
