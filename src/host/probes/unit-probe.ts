import { lastCleanLines } from '../clean-line.ts';
import { runToEnd } from '../command.ts';
import { throughGuestBus } from '../guest-bus.ts';
import { type Answer, bad, GOOD, tooLate } from './answer.ts';

/** Whether a unit of the guest's systemd is active, by that systemd's word. */
export async function probeUnit(leader: number, unit: string, timeoutSec: number): Promise<Answer> {
  const ended = await throughGuestBus(leader, argvOf => {
    const [program, ...args] = argvOf('systemctl', 'is-active', '--', unit);
    return runToEnd(program, args, timeoutSec * 1000);
  });
  // That it has none, or has it where nobody can look, is the guest's own doing.
  if (ended === null) return bad(`${unit}: the guest's bus cannot be reached`);
  const { output, exitCode, isTimedOut } = ended;
  if (exitCode === 0) return GOOD;
  if (isTimedOut) return tooLate(timeoutSec);
  const said = lastCleanLines(output, 1)[0] ?? '';
  return bad(/^[a-z-]+$/.test(said) ? `${unit} is ${said}` : `${unit}: ${said || 'no answer'}`);
}
