import type { Manifest } from '../../api/manifest.ts';
import { validateFiles } from '../../manifests/validate.ts';
import { hostLinkName } from '../../planning/link-name.ts';
import { readFiles } from '../read-files.ts';
import type { Terminal } from '../terminal.ts';
import { formatProblems } from '../view/problem.ts';

/** The manifests of files, in their order; null when anything in them is wrong, which has then been said. */
export async function readManifests(
  paths: readonly string[],
  terminal: Terminal,
): Promise<{
  readonly files: Awaited<ReturnType<typeof readFiles>>;
  readonly manifests: readonly Manifest[];
} | null> {
  const files = await readFiles(paths);
  const documents = validateFiles(files, hostLinkName);
  const problems = documents.flatMap(document => document.problems);
  if (problems.length > 0) {
    const textOf = new Map(terminal.isInteractive ? files.map(({ file, text }) => [file, text]) : []);
    await terminal.err(formatProblems(problems, textOf, terminal.paint));
    return null;
  }
  return { files, manifests: documents.flatMap(({ manifest }) => (manifest === null ? [] : [manifest])) };
}
