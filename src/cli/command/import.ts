import { readFile, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { isName } from '../../api/name.ts';
import { formatProblem } from '../../api/problem.ts';
import { messageOf } from '../../errors.ts';
import { run } from '../../host/command.ts';
import { validateFiles } from '../../manifests/validate.ts';
import { hostLinkName } from '../../planning/link-name.ts';
import { escapeLine } from '../../view/escape.ts';
import { count } from '../../view/source-footer.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { enabledUnits, type Former, findAll, findIn, type Passed } from '../import/find-former.ts';
import { formerManifest } from '../import/former-manifest.ts';
import { addManifest, readManifests } from '../import/manifests-directory.ts';
import type { Terminal } from '../terminal.ts';

export interface ImportOptions {
  readonly manifests: string;
  readonly dryRun: boolean;
  /** Look for everything below this directory; then nothing of the running host is asked or changed. */
  readonly hostRoot: string;
}

/**
 * `nspawnctl import [FILE...]`: what the host has, as manifests. All of it is judged before anything is written; what is
 * there already is left as it is, so that a second run changes nothing. What runs goes on running.
 */
export async function importContainers(
  paths: readonly string[],
  options: ImportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { formers, passed } =
    paths.length === 0 ? await findAll(options.hostRoot) : await findIn(options.hostRoot, paths);
  const say = (text: string) => terminal.err(`${escapeLine(text)}\n`);
  for (const { what, why } of [...passed, ...formers.flatMap(passedFor)])
    await say(`${what}: passed over: ${why}`);
  const named = formers.filter(former => passedFor(former).length === 0);
  if (named.length === 0) {
    await say('nothing to import');
    return passed.length + formers.length === 0 ? EXIT.done : EXIT.no;
  }
  const { fresh, known } = await sortOut(named, options);
  if (options.dryRun) {
    for (const former of fresh) await terminal.out(`---\n${formerManifest(former)}`);
    for (const former of fresh)
      for (const step of await stepsBeside(former, options)) await say(`would ${step.what}`);
  }
  for (const former of known) await say(`${former.name}: has its manifest already`);
  if (options.dryRun) return EXIT.done;

  let isWhole = true;
  for (const former of fresh) {
    const path = await addManifest(options.manifests, former.name, formerManifest(former));
    await terminal.out(`${escapeLine(path)}\n`);
    for (const line of former.notCarried) await say(`${former.name}: not carried: ${line}`);
  }
  for (const former of named) {
    for (const { what, act } of await stepsBeside(former, options)) {
      try {
        await act();
        await say(`${former.name}: ${what}`);
      } catch (error) {
        isWhole = false;
        await say(`${former.name}: could not ${what}: ${messageOf(error)}`);
      }
    }
  }
  await say(`${count(fresh.length, 'manifest')} written, ${known.length} there already`);
  return isWhole ? EXIT.done : EXIT.no;
}

/** A name that no manifest can have, or two of one name. */
function passedFor({ name, from }: Former): readonly Passed[] {
  return isName(name)
    ? []
    : [
        {
          what: from,
          why: `${JSON.stringify(name)} is no name for a container here (a-z, 0-9 and inner "-")`,
        },
      ];
}

/** Into what is to be written and what is there already; throws what stands against it. */
async function sortOut(
  formers: readonly Former[],
  { manifests, hostRoot }: ImportOptions,
): Promise<{ readonly fresh: readonly Former[]; readonly known: readonly Former[] }> {
  const files = await readManifests(manifests);
  const existing = validateFiles(files, hostLinkName);
  const fresh: Former[] = [];
  const known: Former[] = [];
  for (const former of formers) {
    const twin = fresh.find(({ name }) => name === former.name);
    if (twin !== undefined)
      throw new CliError(EXIT.refused, `${former.name} is both in ${twin.from} and in ${former.from}`, [
        `import one of them: nspawnctl import ${twin.from}`,
      ]);
    const before = existing.find(({ name }) => name === former.name);
    if (before === undefined) fresh.push(former);
    else if (isDeepStrictEqual(before.manifest?.written, former.spec) || (await hasNote(former, hostRoot)))
      known.push(former);
    else
      throw new CliError(
        EXIT.refused,
        `${former.name} has another manifest already, which says something else than ${former.from}`,
        ['nothing was written; remove one of the two, or import the others by their files'],
      );
  }
  const texts = fresh.map(former => ({
    file: `${manifests}/${former.name}.yaml`,
    text: formerManifest(former),
  }));
  const written = new Set(texts.map(({ file }) => file));
  const problems = validateFiles([...files, ...texts], hostLinkName)
    .flatMap(document => document.problems)
    .filter(({ file }) => written.has(file));
  if (problems.length > 0)
    throw new CliError(
      EXIT.invalidManifest,
      'nothing was written; these would not be valid:',
      problems.map(formatProblem),
    );
  return { fresh, known };
}

interface Beside {
  readonly what: string;
  readonly act: () => Promise<unknown>;
}

/** What is done besides the manifest: nothing of it touches what runs. None where all is done. */
async function stepsBeside(
  former: Former,
  { hostRoot, manifests }: ImportOptions,
): Promise<readonly Beside[]> {
  const { name, file, unit } = former;
  const steps: Beside[] = [];
  if (file !== null && !(await hasNote(former, hostRoot))) {
    const note = `${hostRoot}${noteOf(file)}`;
    const text = `${file} counts no longer: container ${name} is run by nspawnd now, from ${manifests}/${name}.yaml.\n`;
    steps.push({ what: `leave a note: ${note}`, act: () => writeFile(note, text, { flag: 'wx' }) });
  }
  if (hostRoot !== '') return steps;
  if ((await enabledUnits('')).includes(unit))
    steps.push({
      what: `take ${unit} out of what starts at boot (systemctl disable)`,
      act: () => run('systemctl', ['disable', '--quiet', unit]),
    });
  return steps;
}

function noteOf(file: string): string {
  return `${file}.nspawnd`;
}

async function hasNote({ file }: Former, hostRoot: string): Promise<boolean> {
  if (file === null) return false;
  return readFile(`${hostRoot}${noteOf(file)}`).then(
    () => true,
    () => false,
  );
}
