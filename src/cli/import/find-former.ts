import { constants } from 'node:fs';
import { lstat, open, readdir, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { nameOfNspawnUnit, nspawnUnit } from '../../api/adopted.ts';
import { nameOfUnit, unitName } from '../../api/container.ts';
import type { JsonObject } from '../../api/manifest.ts';
import { nixRootOf } from '../../api/nix-source.ts';
import type { Imported } from '../../import/imported.ts';
import { importNixosConf, isNixosConf, type NixosPlaces } from '../../import/nixos-conf.ts';
import { importNixosJson } from '../../import/nixos-json.ts';
import { importNspawnFile } from '../../import/nspawn-file.ts';
import { profileOf } from '../../planning/nix-places.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { readFiles, STDIN_NAME } from '../read-files.ts';

/** A container as it was before it had a manifest. */
export interface Former extends Imported {
  /** The file it was written in, where there is one beside which a note can be left; else null. */
  readonly file: string | null;
  /** For people. */
  readonly from: string;
  /** The unit in which it runs, or would. */
  readonly unit: string;
}

/** What could not be made a manifest, and why. */
export interface Passed {
  readonly what: string;
  readonly why: string;
}

export interface Found {
  readonly formers: readonly Former[];
  readonly passed: readonly Passed[];
}

/** Everything of this host, or of one whose files are below `hostRoot`. */
export async function findAll(hostRoot: string): Promise<Found> {
  const found: Found[] = [];
  for (const directory of CONF_DIRECTORIES) {
    for (const name of await namesIn(`${hostRoot}${directory}`, '.conf'))
      found.push(await readConf(hostRoot, `${directory}/${name}.conf`));
  }
  const seen = new Set<string>();
  // The first directory that has a file of a name wins, as for systemd-nspawn.
  for (const directory of NSPAWN_DIRECTORIES) {
    for (const name of await namesIn(`${hostRoot}${directory}`, '.nspawn')) {
      if (seen.has(name)) continue;
      seen.add(name);
      found.push(await readNspawn(hostRoot, name, `${directory}/${name}.nspawn`));
    }
  }
  const enabled = (await enabledUnits(hostRoot)).map(nameOfNspawnUnit).filter(name => name !== null);
  for (const name of enabled) {
    if (!seen.has(name)) found.push(await readNspawn(hostRoot, name, null));
  }
  return join(found);
}

/** What these files say: NAME.conf, NAME.nspawn, or the JSON of `containers` (also `-`, standard input). */
export async function findIn(hostRoot: string, paths: readonly string[]): Promise<Found> {
  const found: Found[] = [];
  for (const path of paths) {
    if (path.endsWith('.conf')) found.push(await readConf(hostRoot, path));
    else if (path.endsWith('.nspawn'))
      found.push(await readNspawn(hostRoot, basename(path, '.nspawn'), path));
    else found.push(await readJson(hostRoot, path));
  }
  return join(found);
}

/** Units of containers that something else starts, at boot most likely. */
export async function enabledUnits(hostRoot: string): Promise<readonly string[]> {
  const units: string[] = [];
  for (const directory of (await list(`${hostRoot}${UNITS}`)).filter(name =>
    /\.(wants|requires)$/.test(name),
  )) {
    for (const link of await list(`${hostRoot}${UNITS}/${directory}`)) {
      if (nameOfNspawnUnit(link) !== null || nameOfUnit(link) !== null) units.push(link);
    }
  }
  return [...new Set(units)].sort();
}

const CONF_DIRECTORIES = ['/etc/containers', '/etc/nixos-containers'];
const NSPAWN_DIRECTORIES = ['/etc/systemd/nspawn', '/run/systemd/nspawn', '/var/lib/machines'];
const UNITS = '/etc/systemd/system';
const MACHINES = '/var/lib/machines';
const MAX_BYTES = 1024 * 1024;

async function readConf(hostRoot: string, file: string): Promise<Found> {
  const text = await readText(`${hostRoot}${file}`);
  if (!isNixosConf(text)) return EMPTY;
  const name = basename(file, '.conf');
  const places = await nixosPlaces(hostRoot, name);
  const imported = importNixosConf(name, text, places);
  return { formers: [{ ...imported, file, from: file, unit: unitName(name) }], passed: [] };
}

async function readNspawn(hostRoot: string, name: string, file: string | null): Promise<Found> {
  const from = file ?? `${nspawnUnit(name)} (enabled)`;
  const tree = `${MACHINES}/${name}`;
  const stat = await lstatOrNull(`${hostRoot}${tree}`);
  if (stat === null) {
    const hasImage = (await lstatOrNull(`${hostRoot}${tree}.raw`)) !== null;
    const why = hasImage
      ? `${tree}.raw is an image; a root is a directory: unpack it there (machinectl export-tar, import-tar)`
      : `there is no ${tree}`;
    return { formers: [], passed: [{ what: from, why }] };
  }
  const root = stat.isSymbolicLink() ? (await realpath(`${hostRoot}${tree}`)).slice(hostRoot.length) : tree;
  const rootStat = await lstatOrNull(`${hostRoot}${root}`);
  const text = file === null ? '' : await readText(`${hostRoot}${file}`);
  const imported = importNspawnFile(name, text, {
    root,
    isEnabled: (await enabledUnits(hostRoot)).includes(nspawnUnit(name)),
    isShifted: rootStat?.uid !== (await lstatOrNull(hostRoot === '' ? '/' : hostRoot))?.uid,
    isTrusted: file === null || !(await isBesideTree(hostRoot, file)),
  });
  return { formers: [{ ...imported, file, from, unit: nspawnUnit(name) }], passed: [] };
}

/** Also where it is named by another path: what counts is where it really lies. */
async function isBesideTree(hostRoot: string, file: string): Promise<boolean> {
  const real = await realpath(`${hostRoot}${file}`);
  return dirname(real) === (await realpath(`${hostRoot}${MACHINES}`));
}

async function readJson(hostRoot: string, path: string): Promise<Found> {
  const [file] = await readFiles([path === '-' ? path : `${hostRoot}${path}`]);
  const from = path === '-' ? STDIN_NAME : path;
  let json: unknown;
  try {
    json = JSON.parse(file?.text ?? '');
  } catch {
    throw new CliError(EXIT.invalidManifest, `${from}: neither NAME.conf nor NAME.nspawn, and no JSON`, [
      "nix eval --json '.#nixosConfigurations.HOST.config.containers' > containers.json",
    ]);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new CliError(EXIT.invalidManifest, `${from}: not the JSON of containers: { NAME: { ... } }`);
  const names = Object.keys(json);
  const places = new Map<string, NixosPlaces>();
  for (const name of names) places.set(name, await nixosPlaces(hostRoot, name));
  const imported = importNixosJson(json as JsonObject, name => places.get(name) ?? { root: '', profile: '' });
  return {
    formers: imported.map(one => ({ ...one, file: null, from, unit: unitName(one.name) })),
    passed: [],
  };
}

/** Since 22.05 below nixos-containers; what exists says which. */
async function nixosPlaces(hostRoot: string, name: string): Promise<NixosPlaces> {
  const old = `/var/lib/containers/${name}`;
  const isOld = (await lstatOrNull(`${hostRoot}${old}`))?.isDirectory() ?? false;
  const now = nixRootOf(name);
  const isNew = (await lstatOrNull(`${hostRoot}${now}`))?.isDirectory() ?? false;
  return { root: isOld && !isNew ? old : now, profile: profileOf(name) };
}

async function namesIn(directory: string, ending: string): Promise<readonly string[]> {
  return (await list(directory))
    .filter(name => name.endsWith(ending) && !name.startsWith('.'))
    .map(name => name.slice(0, -ending.length))
    .sort();
}

async function list(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new CliError(EXIT.notPermitted, `cannot read ${directory}: ${error.message}`, [
      'run the same command with sudo',
    ]);
  });
}

/** A link is followed, as NixOS has them in /etc. Neither a FIFO nor a file without an end keeps anybody waiting. */
async function readText(path: string): Promise<string> {
  const cannot = (error: NodeJS.ErrnoException): never => {
    const code = error.code === 'EACCES' ? EXIT.notPermitted : EXIT.noSuchObject;
    throw new CliError(code, `cannot read ${path}: ${error.message}`);
  };
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(cannot);
  try {
    if (!(await handle.stat()).isFile())
      throw new CliError(EXIT.noSuchObject, `cannot read ${path}: it is no regular file`);
    const { buffer, bytesRead } = await handle
      .read({ buffer: Buffer.alloc(MAX_BYTES + 1), position: 0 })
      .catch(cannot);
    if (bytesRead > MAX_BYTES)
      throw new CliError(EXIT.invalidManifest, `${path}: larger than ${MAX_BYTES} bytes`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function lstatOrNull(path: string) {
  return lstat(path).catch(() => null);
}

const EMPTY: Found = { formers: [], passed: [] };

function join(found: readonly Found[]): Found {
  return {
    formers: found.flatMap(({ formers }) => formers),
    passed: found.flatMap(({ passed }) => passed),
  };
}
