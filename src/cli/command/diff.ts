import type { Preview } from '../../controller/ports.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { fullPath, readFiles } from '../read-files.ts';
import { formatPreview, isDifference } from '../view/preview.ts';
import { formatProblems } from '../view/problem.ts';

/**
 * `nspawnctl diff [FILE...]`: what would change with these manifests, or, with none, what nspawnd would do now. Nothing
 * happens by it.
 */
export async function diff(paths: readonly string[], { client, terminal }: Context): Promise<ExitCode> {
  if (paths.length === 0) return show(await client.preview(null), new Map(), terminal);
  const files = await readFiles(paths);
  const previews = await client.preview(files.map(({ file, text }) => ({ file: fullPath(file), text })));
  const texts = new Map(files.map(({ file, text }) => [fullPath(file), { file, text }]));
  return show(previews, texts, terminal);
}

async function show(
  previews: readonly Preview[],
  texts: ReadonlyMap<string, { readonly file: string; readonly text: string }>,
  terminal: Context['terminal'],
): Promise<ExitCode> {
  const different = previews.filter(isDifference);
  const shown = different.map(preview => formatPreview(preview, terminal.paint));
  await terminal.out(shown.join('\n'));
  const problems = previews.flatMap(preview => preview.problems);
  // Named as the person named them.
  const named = problems.map(problem => ({
    ...problem,
    file: texts.get(problem.file)?.file ?? problem.file,
  }));
  const textOf = new Map(
    terminal.isInteractive ? [...texts.values()].map(({ file, text }) => [file, text]) : [],
  );
  await terminal.err(formatProblems(named, textOf, terminal.paint));
  if (problems.length > 0) return EXIT.invalidManifest;
  if (different.length === 0) await terminal.err('Nothing to do.\n');
  return different.length > 0 ? EXIT.no : EXIT.done;
}
