import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('.', import.meta.url));

/** The text is that of the file beside the tests. `UPDATE_GOLDEN=1` writes it, to be read in the diff before it is kept. */
export function checkGolden(file: string, text: string): void {
  const path = join(directory, file);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  assert.equal(text, readGolden(path), `differs from ${file}; if it is meant to: UPDATE_GOLDEN=1`);
}

function readGolden(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '(there is no such file)';
  }
}
