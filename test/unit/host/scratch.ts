import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** An empty directory of the test's own, gone after it. */
export async function scratch(context: TestContext): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'nspawnd-host-')));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
