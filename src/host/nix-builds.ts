import { open, rename, rm, stat } from 'node:fs/promises';
import type { BuildFacts, BuildResult } from '../planning/nix-facts.ts';
import { buildUnitName, profileOf } from '../planning/nix-places.ts';
import type { UnitFacts } from '../planning/observed.ts';
import { BUILD_LOG, BUILD_RESULT, REALISED } from '../planning/render/nix-build.ts';
import { isOurUnit } from '../planning/render/unit.ts';
import type { NixBuild } from '../planning/step.ts';
import { lastCleanLines } from './clean-line.ts';
import {
  errorCode,
  exists,
  listDirectory,
  makeDirectoryFor,
  putFile,
  readFileIfExists,
  removeFile,
  writeFileAtomically,
} from './files.ts';
import { removeForeignLock } from './nix-profile.ts';
import type { Systemd } from './systemd.ts';

const TAIL_BYTES = 16 * 1024;
const TAIL_LINES = 15;
const MAX_NOTE_BYTES = 4096;
/** Which result has been told. */
const REPORTED = 'reported';

/**
 * Builds of systems, each in a unit of its own, and what is kept of them below the state directory: what Nix was given,
 * the log, how it ended, and which input was last made into a generation.
 */
export class NixBuilds {
  readonly #directory: string;
  readonly #unitDirectory: string;
  readonly #systemd: Systemd;

  constructor(stateDirectory: string, unitDirectory: string, systemd: Systemd) {
    this.#directory = `${stateDirectory}/nix`;
    this.#unitDirectory = unitDirectory;
    this.#systemd = systemd;
  }

  directory(name: string): string {
    return `${this.#directory}/${name}`;
  }

  names(): Promise<readonly string[]> {
    return listDirectory(this.#directory);
  }

  async hasAny(name: string): Promise<boolean> {
    return (await exists(this.directory(name))) || (await this.#unitText(name)) !== null;
  }

  async realised(name: string): Promise<string> {
    return (await this.#note(name, REALISED))?.trim() ?? '';
  }

  async noteRealised(name: string, input: string): Promise<void> {
    await this.#write(name, REALISED, `${input}\n`);
  }

  async observe(name: string): Promise<BuildFacts> {
    const text = await this.#unitText(name);
    const unit = text === null ? null : await this.#systemd.unitNamed(buildUnitName(name));
    const isRunning = unit !== null && (unit.hasJob || !['inactive', 'failed'].includes(unit.activeState));
    const input = entryOf(text, 'Input');
    if (isRunning) {
      const [lastLine = ''] = await this.#tail(name, 1);
      return { isRunning, input, lastLine, result: null };
    }
    const recorded = await this.#result(name);
    const failed = unit?.activeState === 'failed' ? unit : null;
    // The record is missing where there was no room for it: the unit's own end is all there is.
    const result = recorded ?? (failed === null ? null : unrecorded(failed, input, entryOf(text, 'Attempt')));
    const told = await this.#note(name, REPORTED);
    const complete: BuildResult | null =
      result === null
        ? null
        : {
            ...result,
            tail: result.isGood ? [] : await this.#tail(name, TAIL_LINES),
            isReported: told === String(result.at),
          };
    const isPassing = complete !== null && (complete.isPassing || complete.tail.some(isAboutRoom));
    return {
      isRunning,
      input: '',
      lastLine: '',
      result: complete === null ? null : { ...complete, isPassing },
    };
  }

  async start(name: string, { input, unit, files }: NixBuild): Promise<void> {
    const now = await this.observe(name);
    if (now.isRunning && now.input === input) return;
    for (const [file, text] of Object.entries(files)) await this.#write(name, file, text);
    await makeDirectoryFor(this.#path(name, BUILD_LOG), 0o700);
    await makeDirectoryFor(profileOf(name));
    await removeForeignLock(profileOf(name));
    await removeFile(this.#path(name, BUILD_RESULT));
    await keepAside(this.#path(name, BUILD_LOG));
    const path = this.#unitPath(name);
    await writeFileAtomically(path, unit, 0o644);
    await this.#systemd.resetFailedNamed(buildUnitName(name));
    await this.#systemd.startNamed(buildUnitName(name), path);
  }

  async stop(name: string): Promise<void> {
    await this.#systemd.stopNamed(buildUnitName(name));
  }

  async report(name: string, { at }: BuildResult): Promise<void> {
    await this.#write(name, REPORTED, String(at));
  }

  async remove(name: string): Promise<void> {
    const text = await this.#unitText(name);
    if (text !== null) {
      await this.#systemd.stopNamed(buildUnitName(name));
      await this.#systemd.resetFailedNamed(buildUnitName(name));
      await removeFile(this.#unitPath(name));
    }
    await rm(this.directory(name), { recursive: true, force: true });
  }

  async #result(name: string): Promise<Omit<BuildResult, 'tail' | 'isReported'> | null> {
    const text = await this.#note(name, BUILD_RESULT);
    if (text === null) return null;
    const value = (key: string) => entryOf(text, key);
    const input = value('input');
    if (input === '') return null;
    const [result, code, status] = [value('result'), value('code'), value('status')] as const;
    const at = Math.floor((await stat(this.#path(name, BUILD_RESULT)).catch(() => null))?.mtimeMs ?? 0);
    const isGood = result === 'success' && code === 'exited' && status === '0';
    const isKilled = code === 'killed' || code === 'dumped' || result === 'resources';
    return {
      input,
      attempt: Number(value('attempt')) || 1,
      isGood,
      cause: describeResult(result, code, status),
      isPassing: !isGood && result !== 'timeout' && isKilled,
      at,
    };
  }

  async #tail(name: string, count: number): Promise<readonly string[]> {
    return lastCleanLines(await readEnd(this.#path(name, BUILD_LOG)), count);
  }

  #note(name: string, file: string): Promise<string | null> {
    return readFileIfExists(this.#path(name, file), MAX_NOTE_BYTES);
  }

  async #write(name: string, file: string, text: string): Promise<void> {
    await putFile(this.#path(name, file), text, 0o600);
  }

  async #unitText(name: string): Promise<string | null> {
    const text = await readFileIfExists(this.#unitPath(name));
    return text !== null && isOurUnit(text) ? text : null;
  }

  #unitPath(name: string): string {
    return `${this.#unitDirectory}/${buildUnitName(name)}`;
  }

  #path(name: string, file: string): string {
    return `${this.directory(name)}/${file}`;
  }
}

function unrecorded(
  unit: UnitFacts,
  input: string,
  attempt: string,
): Omit<BuildResult, 'tail' | 'isReported'> {
  return {
    input,
    attempt: Number(attempt) || 1,
    isGood: false,
    cause: `ended (${unit.result}) and could not record how`,
    isPassing: true,
    at: unit.stateChangedAt ?? 0,
  };
}

function describeResult(result: string, code: string, status: string): string {
  if (result === 'timeout') return 'did not end in time';
  if (code === 'exited') return status === '0' ? 'succeeded' : `exited with status ${status}`;
  return code === '' ? `could not be run (${result})` : `was ended by signal ${status}`;
}

/** ENOSPC and EDQUOT in the words of the C library. */
function isAboutRoom(line: string): boolean {
  return /No space left on device|Disk quota exceeded/i.test(line);
}

function entryOf(text: string | null, key: string): string {
  return new RegExp(`^${key}=(.*)$`, 'm').exec(text ?? '')?.[1] ?? '';
}

/** One log is kept besides the running build's. */
async function keepAside(path: string): Promise<void> {
  try {
    await rename(path, `${path}.old`);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** The last part of a file that may be long; empty where there is none. */
async function readEnd(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}
