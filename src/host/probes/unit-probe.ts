import { lastCleanLines } from '../clean-line.ts';
import { runToEnd } from '../command.ts';
import { type Answer, bad, GOOD, tooLate } from './answer.ts';

/** Whether a unit of the guest's systemd is active, by that systemd's word. */
export async function probeUnit(name: string, unit: string, timeoutSec: number): Promise<Answer> {
  const args = [`--machine=${name}`, 'is-active', '--', unit];
  const { output, exitCode, isTimedOut } = await runToEnd('systemctl', args, timeoutSec * 1000);
  if (exitCode === 0) return GOOD;
  if (isTimedOut) return tooLate(timeoutSec);
  const said = lastCleanLines(output, 1)[0] ?? '';
  return bad(/^[a-z-]+$/.test(said) ? `${unit} is ${said}` : `${unit}: ${said || 'no answer'}`);
}
