import type { ProcessFacts } from '../planning/observed.ts';
import { GUEST_FIFO } from '../planning/render/nspawn-argv.ts';
import { readFileIfExists } from './files.ts';

/**
 * The spec that a running nspawn was started with, from its own environment and words. Not from the unit: anybody's daemon-reload
 * swaps the loaded definition under a running guest. Null for a process that we did not start.
 */
export async function processFacts(pid: number): Promise<ProcessFacts | null> {
  if (pid <= 0) return null;
  const read = async (file: string) =>
    ((await readFileIfExists(`/proc/${pid}/${file}`).catch(() => null)) ?? '').split('\0');
  const variables = new Map((await read('environ')).map(splitVariable));
  const specHash = variables.get('NSPAWND_SPEC_HASH');
  const launchHash = variables.get('NSPAWND_LAUNCH_HASH');
  if (specHash === undefined || launchHash === undefined) return null;
  return {
    specHash,
    launchHash,
    renderer: variables.get('NSPAWND_RENDERER') ?? '',
    systemPath: variables.get('NSPAWND_SYSTEM_PATH') ?? '',
    hasFifo: (await read('cmdline')).some(word => word.endsWith(`:${GUEST_FIFO}`)),
  };
}

function splitVariable(entry: string): [string, string] {
  const index = entry.indexOf('=');
  return [entry.slice(0, index), entry.slice(index + 1)];
}
