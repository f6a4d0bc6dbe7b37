import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { isName } from '../../api/name.ts';
import { NspawndError } from '../../errors.ts';
import { directoryOf } from '../../host/find-program.ts';
import { openGuestBus } from '../../host/guest-bus.ts';
import type { Way } from '../../host/guest-command.ts';
import { findGuest, type Guest } from '../../host/guest-facts.ts';
import { openGuestTerminals } from '../../host/guest-terminals.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import { EXIT } from '../exit-code.ts';
import { findContainer } from './find.ts';

/**
 * The running guest of a container. nspawnd says whether there is such a container; where it is not there, machined is
 * believed: at three in the morning this has to work.
 */
export async function findRunning(name: string, client: Client): Promise<Guest> {
  if (process.geteuid?.() !== 0)
    throw new CliError(EXIT.notPermitted, 'only root may enter a container', [
      'run the same command with sudo',
    ]);
  const container = await findContainer(name, client).catch((error: unknown) => {
    if (error instanceof CliError && error.exitCode === EXIT.unavailable && isName(name)) return null;
    throw error;
  });
  const guest = await findGuest(name, container?.status.leader ?? null).catch(toCliError);
  if (guest !== null) return guest;
  throw new CliError(
    EXIT.no,
    `${name} is not running`,
    container === null
      ? ['nspawnd is not running either; start it: systemctl start nspawnd', 'see what runs: machinectl list']
      : [`start it: nspawnctl start ${name}`, `see why it does not: nspawnctl describe ${name}`],
  );
}

/** By default with a terminal where there is one on both sides. Whoever has chosen it leaves it (`leaveWay`). */
export async function chooseWay(
  guest: Guest,
  wantsNamespaces: boolean,
  isTerminal = isatty(0) && isatty(1),
): Promise<Way> {
  const unit = `nspawnctl-${process.pid}-${randomBytes(4).toString('hex')}.service`;
  const { name, leader, hasSystemd } = guest;
  if (wantsNamespaces || !hasSystemd)
    return { isTerminal, unit, bus: null, terminals: null, programs: await findPrograms() };
  const [bus, terminals] = await Promise.all([
    openGuestBus(leader),
    isTerminal ? openGuestTerminals(leader) : null,
  ]);
  if (bus === null) throw noAnswer(name);
  if (isTerminal && terminals === null)
    throw new CliError(
      EXIT.no,
      `${name} has no terminals: its /dev/pts is not what nspawn made`,
      enterHints(name),
    );
  return { isTerminal, unit, bus, terminals, programs: { nsenter: '', setpriv: '' } };
}

export async function leaveWay({ bus, terminals }: Way): Promise<void> {
  await bus?.close();
  await terminals?.close();
}

export function noAnswer(name: string): CliError {
  return new CliError(EXIT.no, `the systemd of ${name} does not answer`, enterHints(name));
}

function enterHints(name: string): readonly string[] {
  return [`enter without it: nspawnctl root-login --enter ${name}`];
}

/** What the host lacks or refuses, in the words of a command. */
export function toCliError(error: unknown): never {
  if (error instanceof NspawndError)
    throw new CliError(EXIT.unavailable, error.message, [], { cause: error });
  throw error;
}

/** Both are util-linux'. */
async function findPrograms(): Promise<Way['programs']> {
  const directory = await directoryOf('nsenter');
  if (directory !== null) return { nsenter: join(directory, 'nsenter'), setpriv: join(directory, 'setpriv') };
  throw new CliError(EXIT.unavailable, 'nsenter is not installed; on Debian: apt install util-linux');
}
