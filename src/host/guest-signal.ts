import { readFile } from 'node:fs/promises';
import { run } from './command.ts';
import type { GuestUnit } from './guest-command.ts';

/** Passes a signal on to what runs in a guest: to all its processes, as the control group has them. */
export async function signalGuestUnit({ name, bus }: GuestUnit, signal: NodeJS.Signals): Promise<void> {
  if (bus !== null) {
    const [program = '', ...args] = [...bus.speaking, 'systemctl', 'kill', `--signal=${signal}`, '--', name];
    await run(program, args, { descriptors: bus.descriptors });
    return;
  }
  // A shell of ours, then nsenter: these two wait for the command's own answer and must live to give it.
  const { stdout } = await run('systemctl', ['show', '--property=MainPID', '--value', name]);
  for (const child of await childrenOf(Number(stdout))) {
    const comm = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
    if (comm.trim() !== 'nsenter') continue;
    for (const pid of await descendantsOf(child)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has just ended, ignoring.
      }
    }
  }
}

async function descendantsOf(pid: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (const child of await childrenOf(pid)) found.push(child, ...(await descendantsOf(child)));
  return found;
}

/** proc_pid_task(5): of its main thread, which is all that these programs have. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  if (!(pid > 0)) return [];
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text
    .split(' ')
    .map(Number)
    .filter(child => child > 0);
}
