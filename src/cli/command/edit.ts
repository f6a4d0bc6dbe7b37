import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../api/manifest.ts';
import { contentOf } from '../../api/manifest-content.ts';
import { manifestObject } from '../../api/manifest-object.ts';
import { validateFiles } from '../../manifests/validate.ts';
import { hostLinkName } from '../../planning/link-name.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { openEditor } from '../editor.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { mergePatchBetween } from '../merge-patch-between.ts';
import { reportError } from '../report-error.ts';
import { toYaml } from '../view/output-yaml.ts';
import { formatProblems } from '../view/problem.ts';
import { findContainer } from './find.ts';

/**
 * `nspawnctl edit NAME`: the manifest's words in an editor, and only what was changed there is changed. What cannot be
 * accepted is edited again or kept, never lost.
 */
export async function edit(name: string, context: Context): Promise<ExitCode> {
  const { client, terminal } = context;
  if (process.stdin.isTTY !== true)
    throw new CliError(EXIT.usage, 'edit needs a terminal', [
      `change a manifest by program: nspawnctl get ${name} -o yaml, then nspawnctl apply -f`,
    ]);
  const before = manifestObject(name, contentOf(await findContainer(name, client)));
  const directory = await mkdtemp(join(tmpdir(), `nspawnctl-edit-`));
  const file = join(directory, `${name}.yaml`);
  let isKept = false;
  try {
    await writeFile(file, `${HEAD}${toYaml(before)}`, { mode: 0o600 });
    for (;;) {
      await openEditor(file);
      const text = await readFile(file, 'utf8');
      if (withoutComments(text) === '') return await cancel(terminal);
      const outcome = await tryChange(name, file, text, before, context);
      if (outcome === 'done') return EXIT.done;
      if (outcome === 'same') return await cancel(terminal);
      const answer = await terminal.ask('edit again? [Y/n] ');
      if (answer !== null && !/^n(o)?$/i.test(answer.trim())) continue;
      isKept = true;
      await terminal.err(`Nothing was changed. Your text is kept: ${file}\n`);
      return outcome;
    }
  } catch (error) {
    isKept = true;
    await terminal.err(`Your text is kept: ${file}\n`);
    throw error;
  } finally {
    if (!isKept) await rm(directory, { recursive: true, force: true });
  }
}

const HEAD = `# Save and leave the editor, and it happens; leave this empty, or as it is, and nothing does.
# Comments in the manifest itself are not shown here and stay there.
`;

/** An exit code: it was refused, and why has been said. */
async function tryChange(
  name: string,
  file: string,
  text: string,
  before: JsonObject,
  { client, terminal }: Context,
): Promise<ExitCode | 'done' | 'same'> {
  const judged = validateFiles([{ file, text }], hostLinkName);
  const problems = judged.flatMap(document => document.problems);
  const [manifest] = judged.map(document => document.manifest);
  if (problems.length > 0) {
    await terminal.err(formatProblems(problems, new Map([[file, text]]), terminal.paint));
    return EXIT.invalidManifest;
  }
  if (manifest == null || judged.length > 1 || manifest.name !== name) {
    await terminal.err(`${file}: must stay the one container ${name}\n`);
    return EXIT.usage;
  }
  const patch = mergePatchBetween(before, manifestObject(name, { ...manifest, spec: manifest.written }));
  if (patch === undefined) return 'same';
  try {
    await client.patch(name, patch as object);
    await terminal.out(`container/${name} edited\n`);
    return 'done';
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    await reportError(error, terminal);
    return error.exitCode;
  }
}

async function cancel(terminal: Context['terminal']): Promise<ExitCode> {
  await terminal.err('Nothing was changed.\n');
  return EXIT.done;
}

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*#.*$/gm, '').trim();
}
