import { isName } from '../api/name.ts';
import { processFacts } from './process-facts.ts';
import type { Systemd } from './systemd.ts';

/** Guests of ours that run though all their files are gone: found by the environment of their nspawn. */
export async function otherRunning(systemd: Systemd, known: ReadonlySet<string>): Promise<readonly string[]> {
  const names = (await systemd.runningContainers()).filter(name => isName(name) && !known.has(name));
  const processes = await Promise.all(
    names.map(async name => processFacts((await systemd.unit(name)).mainPid)),
  );
  return names.filter((_, index) => processes[index] !== null);
}
