import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

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

const path = fileURLToPath(new URL('nspawnd.cjs', import.meta.url));
const text = readFileSync(path);
const known = readCode();
const script = new Script(`(function (exports, require, module) {${text.toString('latin1')}\n})`, {
  filename: path,
  ...(known === null ? {} : { cachedData: known.code }),
});
const isKept = known !== null && script.cachedDataRejected !== true;

const program: { exports: { run?: (keepCode: (isAfterWork: boolean) => void) => void } } = { exports: {} };
script.runInThisContext()(program.exports, createRequire(path), program);
program.exports.run?.(keepCode);

/** For the next start; `isAfterWork`: with all that the program has used for its work, and not only to begin it. */
function keepCode(isAfterWork: boolean): void {
  if (isKept && (known.isAfterWork || !isAfterWork)) return;
  const code = script.createCachedData();
  const head = Buffer.concat([digestOf(text), digestOf(code), Buffer.of(isAfterWork ? 1 : 0)]);
  try {
    mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
    writeFileSync(`${FILE}.new`, Buffer.concat([head, code]), { mode: 0o600 });
    renameSync(`${FILE}.new`, FILE);
  } catch {
    // A disk that is full or read-only: the next start takes its time.
  }
}

/** Null: there is none for this text, or it is not to be believed. */
function readCode(): { readonly code: Buffer; readonly isAfterWork: boolean } | null {
  try {
    const { uid, mode } = lstatSync(FILE);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return null;
    const file = readFileSync(FILE);
    const code = file.subarray(2 * DIGEST_LENGTH + 1);
    const isRight =
      digestOf(text).equals(file.subarray(0, DIGEST_LENGTH)) &&
      digestOf(code).equals(file.subarray(DIGEST_LENGTH, 2 * DIGEST_LENGTH));
    return isRight ? { code, isAfterWork: file[2 * DIGEST_LENGTH] === 1 } : null;
  } catch {
    return null;
  }
}

function digestOf(content: Buffer): Buffer {
  return createHash('sha256').update(process.version).update(content).digest();
}
