import { validateFiles } from '../../manifests/validate.ts';
import { hostLinkName } from '../../planning/link-name.ts';
import { count } from '../../view/source-footer.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { readFiles } from '../read-files.ts';
import type { Terminal } from '../terminal.ts';
import { formatProblems } from '../view/problem.ts';

/** `nspawnctl validate FILE...`: every problem at once; needs no daemon. */
export async function validate(paths: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const files = await readFiles(paths);
  const documents = validateFiles(files, hostLinkName);
  const problems = documents.flatMap(document => document.problems);
  const textOf = new Map(terminal.isInteractive ? files.map(({ file, text }) => [file, text]) : []);
  await terminal.out(formatProblems(problems, textOf, terminal.paint));
  if (problems.length > 0) {
    const broken = new Set(problems.map(({ file }) => file)).size;
    await terminal.err(`${count(problems.length, 'problem')} in ${count(broken, 'file')}\n`);
    return EXIT.invalidManifest;
  }
  await terminal.out(`${count(documents.length, 'container')} in ${count(files.length, 'file')}: valid\n`);
  return EXIT.done;
}
