import { readFile } from 'node:fs/promises';
import { run } from '../command.ts';

/** What a program says, or null: it is not there, does not answer in time, or fails. A report has no errors, only gaps. */
export async function answerOf(program: string, ...args: readonly string[]): Promise<string | null> {
  return run(program, args, { timeoutMs: ANSWER_TIMEOUT_MS }).then(
    ({ stdout }) => stdout,
    () => null,
  );
}

/** The same of a command whose exit status only says which answer it is, such as `is-active`. */
export async function wordOf(program: string, ...args: readonly string[]): Promise<string | null> {
  const options = { timeoutMs: ANSWER_TIMEOUT_MS, accept: [0, 1, 2, 3, 4] };
  return run(program, args, options).then(
    ({ stdout }) => stdout.trim() || null,
    () => null,
  );
}

/** A small file of the kernel's or of the host's configuration; null: not there, or not for us. */
export function textOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').then(
    text => text.trim(),
    () => null,
  );
}

const ANSWER_TIMEOUT_MS = 5_000;
