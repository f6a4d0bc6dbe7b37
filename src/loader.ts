import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import type * as Program from './main.ts';

/**
 * What is installed as the daemon: runs the program beside it, with what V8 has made of its text in an earlier run. That
 * halves the time and the processor's work until nspawnd does something; without it, nothing else is different. Node has
 * this itself from 22.1 on (`module.enableCompileCache`).
 *
 * V8 itself compares only its version, its flags and the length of the text, and runs whatever it is given: the file is
 * believed only if nobody but its owner can write to it and both digests in it are right.
 */
const DIRECTORY = process.env.CACHE_DIRECTORY ?? '/var/cache/nspawnd';
const FILE = `${DIRECTORY}/program-code`;
const DIGEST_LENGTH = 32;

const path = join(dirname(realpathSync(fileURLToPath(import.meta.url))), 'nspawnd.cjs');
const { script, digest, kept } = compile();

const program = { exports: {} as typeof Program };
script.runInThisContext()(program.exports, createRequire(path), program);
await program.exports.run(keep);

/** The texts are megabytes, and nobody needs them any more after this. */
function compile() {
  const text = readFileSync(path);
  const digest = digestOf(text);
  const known = readCode(digest);
  const script = new Script(`(function (exports, require, module) {${text.toString('latin1')}\n})`, {
    filename: path,
    ...(known === null ? {} : { cachedData: known.code }),
  });
  const isRejected = known === null || script.cachedDataRejected === true;
  return { script, digest, kept: isRejected ? 'nothing' : known.isAfterWork ? 'after work' : 'begun' };
}

/** For the next start; `isAfterWork`: with all that the program has used for its work, and not only to begin it. */
async function keep(isAfterWork: boolean): Promise<void> {
  if (kept === 'after work' || (kept === 'begun' && !isAfterWork)) return;
  const code = script.createCachedData();
  const file = Buffer.concat([digest, digestOf(code), Buffer.of(isAfterWork ? 1 : 0), code]);
  const aside = `${FILE}.new`;
  try {
    await mkdir(DIRECTORY, { recursive: true, mode: 0o700 });
    await writeFile(aside, file, { mode: 0o600 });
    await rename(aside, FILE);
  } catch {
    // A disk that is full or read-only: the next start takes its time.
    await rm(aside, { force: true }).catch(() => undefined);
  }
}

/** Null: there is none for this text, or it is not to be believed. */
function readCode(digest: Buffer): { readonly code: Buffer; readonly isAfterWork: boolean } | null {
  try {
    const { uid, mode } = lstatSync(FILE);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return null;
    const file = readFileSync(FILE);
    const code = file.subarray(2 * DIGEST_LENGTH + 1);
    const isRight =
      digest.equals(file.subarray(0, DIGEST_LENGTH)) &&
      digestOf(code).equals(file.subarray(DIGEST_LENGTH, 2 * DIGEST_LENGTH));
    return isRight ? { code, isAfterWork: file[2 * DIGEST_LENGTH] === 1 } : null;
  } catch {
    return null;
  }
}

function digestOf(content: Buffer): Buffer {
  return createHash('sha256').update(process.version).update(content).digest();
}
