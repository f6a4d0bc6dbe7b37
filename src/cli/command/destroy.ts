import { lstat } from 'node:fs/promises';
import { isName } from '../../api/name.ts';
import { messageOf } from '../../errors.ts';
import { inspectRoot, removeRoot, removeTree, sizeOf } from '../../host/root-removal.ts';
import { gcRootsOf, profilesOf } from '../../planning/nix-places.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import { follow } from '../client/follow.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { LeftToDo } from '../left-to-do.ts';
import { formatBytes } from '../view/bytes.ts';
import { findContainer } from './find.ts';

export interface DestroyOptions {
  readonly isAgreed: boolean;
  readonly keepRoot: boolean;
  readonly timeoutMs: number;
}

/** What goes with one container. */
interface Doomed {
  readonly name: string;
  readonly file: string;
  /** As the manifest names it; null: it has none, or it stays. */
  readonly root: string | null;
  readonly rootBytes: number | null;
  /** Nix profiles and gcroots of its own. */
  readonly nixDirectories: readonly string[];
}

/**
 * `nspawnctl destroy NAME...`: the only thing that deletes a root. Manifest first, then, when the container is gone, the
 * root: whenever it is interrupted, what is left is whole and is named.
 */
export async function destroy(
  names: readonly string[],
  { isAgreed, keepRoot, timeoutMs }: DestroyOptions,
  context: Context,
): Promise<ExitCode> {
  const { client, terminal } = context;
  if (process.geteuid?.() !== 0)
    throw new CliError(EXIT.notPermitted, 'only root may destroy containers', [
      'run the same command with sudo',
    ]);
  const doomed: Doomed[] = [];
  // All are looked at before the first goes: half of a list of names is rarely what was meant.
  for (const name of new Set(names)) doomed.push(await examine(name, keepRoot, client));
  if (!isAgreed) await askFirst(doomed, context);
  for (const one of doomed) {
    await destroyOne(one, timeoutMs, client);
    await terminal.out(`container/${one.name} destroyed\n`);
  }
  return EXIT.done;
}

/** Everything that will go, and every reason why it must not. */
async function examine(name: string, keepRoot: boolean, client: Client): Promise<Doomed> {
  const { file, root } = await client
    .remove(isName(name) ? name : '-', { dryRun: true, ownOnly: true })
    .catch(async (error: unknown) => {
      const isUnknown = error instanceof CliError && error.exitCode === EXIT.noSuchObject;
      if (isUnknown || !isName(name)) await findContainer(name, client);
      throw error;
    });
  const deleted = keepRoot || root === null ? null : root;
  const nixDirectories = keepRoot ? [] : await existing([profilesOf(name), gcRootsOf(name)]);
  if (deleted === null) return { name, file, root: null, rootBytes: null, nixDirectories };
  const objection = await client.rootObjection(deleted, name);
  if (objection !== null) throw refused(name, `its root must not be deleted: ${objection}`);
  // The guest itself runs in it still; everything else that is in the way is said before anything is touched.
  const inspection = await inspectRoot(deleted);
  if (inspection?.objection != null && !inspection.maySubside)
    throw refused(name, `its root must not be deleted: ${inspection.objection}`);
  return {
    name,
    file,
    root: inspection === null ? null : deleted,
    rootBytes: inspection === null ? null : await sizeOf(inspection.path),
    nixDirectories,
  };
}

async function askFirst(doomed: readonly Doomed[], { terminal }: Context): Promise<void> {
  const lines = doomed.flatMap(({ name, file, root, rootBytes, nixDirectories }) => [
    `${name}: its manifest ${file}`,
    ...(root === null
      ? []
      : [`  its root ${root}${rootBytes === null ? '' : ` (${formatBytes(rootBytes)})`}`]),
    ...nixDirectories.map(directory => `  its Nix profile ${directory}`),
  ]);
  await terminal.err(`This deletes for good:\n${lines.map(line => `  ${escapeLine(line)}\n`).join('')}`);
  const answer = await terminal.ask('Delete? [y/N] ');
  if (answer === null)
    throw new CliError(EXIT.refused, 'nothing was deleted: there is no terminal to ask at', [
      `if you are certain: nspawnctl destroy --yes ${doomed.map(({ name }) => name).join(' ')}`,
    ]);
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(EXIT.no, 'nothing was deleted');
}

async function destroyOne(one: Doomed, timeoutMs: number, client: Client): Promise<void> {
  const { name, root, nixDirectories } = one;
  const rest = [...(root === null ? [] : [root]), ...nixDirectories];
  const left = new LeftToDo();
  try {
    await client.remove(name, { dryRun: false, ownOnly: true });
    left.set(
      `the manifest of ${name} is deleted and it is being stopped`,
      rest.length === 0 ? [] : [`when it is gone: ${removeCommand(rest)}`],
    );
    await untilGone(name, timeoutMs, rest, client);
    left.set(`${name} is gone, but not all of its files`, rest.length === 0 ? [] : [removeCommand(rest)]);
    if (root !== null) await deleteRoot(one, root, client, left);
    if (nixDirectories.length > 0 && (await isThere(name, client)))
      throw refused(name, 'there is a new container of that name, whose its Nix profile is now');
    for (const directory of nixDirectories) await removeTree(directory);
  } finally {
    left.end();
  }
}

async function deleteRoot(one: Doomed, root: string, client: Client, left: LeftToDo): Promise<void> {
  const { name, nixDirectories } = one;
  const whole = left.hints();
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const inspection = await inspectRoot(root);
    if (inspection === null) return;
    const taken = await wantedAgain(root, client);
    const objection = taken ?? inspection.objection ?? (await removeAside(inspection.path));
    if (objection === null) return;
    // The kernel takes a moment to unmount what a guest had, and nspawnd to forget its manifest.
    const maySubside = inspection.objection === null || inspection.maySubside;
    if (!maySubside || Date.now() > deadline)
      throw refused(name, `it is gone, but its root stays: ${objection}`, taken === null ? left.hints() : []);
    await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN_MS));
  }

  async function removeAside(path: string): Promise<string | null> {
    try {
      const objection = await removeRoot(
        path,
        aside =>
          left.set(`${name} is gone, and most of its root`, [removeCommand([aside, ...nixDirectories])]),
        () => wantedAgain(root, client),
      );
      if (objection !== null) left.set(`${name} is gone, but not all of its files`, whole);
      return objection;
    } catch (error) {
      throw refused(name, `it is gone, but its root is not: ${messageOf(error)}`, left.hints());
    }
  }
}

/** By any container at all: one of the same name may have been made since, and the root is its root then. */
function wantedAgain(root: string, client: Client): Promise<string | null> {
  return client.rootObjection(root, '');
}

async function isThere(name: string, client: Client): Promise<boolean> {
  return (await client.list()).items.some(({ metadata }) => metadata.name === name);
}

const SETTLE_MS = 3_000;
const LOOK_AGAIN_MS = 100;

async function untilGone(
  name: string,
  timeoutMs: number,
  rest: readonly string[],
  client: Client,
): Promise<void> {
  const over = new AbortController();
  const deadline = setTimeout(() => over.abort(), timeoutMs);
  try {
    for await (const sight of follow(client, over.signal)) {
      if (sight.is === 'change') {
        if (sight.change.type === 'DELETED' && sight.change.object.metadata.name === name) return;
      } else if (sight.is === 'snapshot' && !sight.mayBePartial) {
        if (sight.list.items.every(({ metadata }) => metadata.name !== name)) return;
      }
    }
  } finally {
    clearTimeout(deadline);
  }
  throw new CliError(EXIT.timedOut, `${name} is still being stopped; its manifest is deleted`, [
    `end it at once: systemctl kill --signal=SIGKILL container@${name}`,
    ...(rest.length === 0 ? [] : [`then: ${removeCommand(rest)}`]),
  ]);
}

function refused(name: string, message: string, hints: readonly string[] = []): CliError {
  return new CliError(EXIT.refused, `${name}: ${message}`, hints);
}

function removeCommand(paths: readonly string[]): string {
  return `rm -rf --one-file-system -- ${paths.map(quote).join(' ')}`;
}

function quote(path: string): string {
  return /^[\w@%+=:,./#-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const stats = await Promise.all(paths.map(path => lstat(path).catch(() => null)));
  return paths.filter((_, index) => stats[index]?.isDirectory());
}
