import type { FailedUnits } from '../../planning/observed.ts';
import { throughGuestBus } from '../guest-bus.ts';
import { runShort } from '../short-command.ts';

const TIMEOUT_MS = 3000;
const MAX_NAMES = 10;

/** Units of a guest that have failed, by its own systemd's word; null: it cannot be asked, or does not answer in time. */
export async function askFailedUnits(leader: number): Promise<FailedUnits | null> {
  const options = ['--full', '--plain', '--no-legend', '--no-pager'];
  return throughGuestBus(leader, async argvOf => {
    const [program, ...args] = argvOf('systemctl', 'list-units', '--failed', ...options);
    const { stdout } = await runShort(program, args, { timeoutMs: TIMEOUT_MS });
    return failedUnitsIn(stdout);
  }).catch(() => null);
}

/** A guest may say anything: what is no name of a unit is counted and not shown. */
export function failedUnitsIn(text: string): FailedUnits {
  const lines = text.split('\n').filter(line => line.trim() !== '');
  const names = lines.map(line => line.trim().split(/\s/)[0] ?? '').filter(word => UNIT_NAME.test(word));
  const shown = names.slice(0, MAX_NAMES);
  return { names: shown, more: lines.length - shown.length };
}

const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]{1,255}$/;
