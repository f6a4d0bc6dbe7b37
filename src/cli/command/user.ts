import { ROOT, type Way } from '../../host/guest-command.ts';
import type { Guest } from '../../host/guest-facts.ts';
import { findGuestUser, type GuestUser, USER_NAME } from '../../host/guest-user.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';

/** The user that was asked for, by name or number; null: root. The guest's own systemd knows more users than its files. */
export async function chooseUser(wanted: string | null, guest: Guest, way: Way): Promise<GuestUser> {
  if (wanted === null || wanted === ROOT.name || wanted === '0') return ROOT;
  if (!USER_NAME.test(wanted))
    throw new CliError(EXIT.usage, `--user: not a user's name or number: ${JSON.stringify(wanted)}`);
  if (way.bus !== null) return { ...NOT_ROOT, name: wanted };
  const found = await findGuestUser(`/proc/${guest.leader}/root`, wanted);
  if (found !== null) return found;
  throw new CliError(EXIT.no, `${guest.name} has no user ${wanted} in /etc/passwd`);
}

/** The guest's systemd looks up the rest by the name. */
const NOT_ROOT = { uid: 65_534, gid: 65_534, home: '/' };
