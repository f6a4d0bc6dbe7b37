import { join } from 'node:path';
import { messageOf, NspawndError } from '../errors.ts';
import type { SwitchRecord } from '../planning/nix-facts.ts';
import type { StepArguments } from '../planning/step.ts';
import { lastCleanLines } from './clean-line.ts';
import { type Ended, runToEnd } from './command.ts';
import { enteringWords } from './entering.ts';
import { exists } from './files.ts';
import { type GuestBounds, readBounds, unitBounds } from './guest-bounds.ts';
import { openGuestBus } from './guest-bus.ts';
import { GUEST_ENVIRONMENT, variablesOf } from './guest-environment.ts';
import { openGuestSocket } from './guest-node.ts';
import { pathOfHandle } from './open-below.ts';
import type { Records } from './records.ts';
import { runByCommandSocket } from './run-command-socket.ts';

type Order = StepArguments['startSwitch'];

const COMMAND_SOCKET = 'var/lib/run-command.socket';
const OUTPUT_LINES = 20;
/** The guest's own systemd ends it first, and says so. */
const GRACE_MS = 5000;

/**
 * Brings running guests to another system. Nobody waits for it: how it ended is left as a record, and a trigger says so.
 * What is under way when nspawnd ends goes on in the guest, and is done once more by the next nspawnd; switching to what
 * one has already changes nothing.
 */
export class GuestSwitch {
  readonly #records: Records;
  readonly #onEnded: (name: string) => void;
  readonly #running = new Map<string, Order>();

  constructor(records: Records, onEnded: (name: string) => void) {
    this.#records = records;
    this.#onEnded = onEnded;
  }

  /** The closure that this run of a guest is being switched to, or null. */
  switchingTo(name: string, invocationId: string): string | null {
    const order = this.#running.get(name);
    return order?.invocationId === invocationId ? order.closure : null;
  }

  start(name: string, order: Order): void {
    if (this.#running.get(name)?.invocationId === order.invocationId) return;
    this.#running.set(name, order);
    void this.#run(name, order);
  }

  async #run(name: string, order: Order): Promise<void> {
    const record = await switchGuest(order);
    if (this.#running.get(name) !== order) return;
    // Without the record it would look as if it had never been tried, and be tried again at once.
    await this.#records.putSwitch(name, record).catch(() => undefined);
    this.#running.delete(name);
    this.#onEnded(name);
  }
}

async function switchGuest(order: Order): Promise<SwitchRecord> {
  const { invocationId, closure } = order;
  const record = (isGood: boolean, how: string, output = ''): SwitchRecord => ({
    invocationId,
    closure,
    isGood,
    how,
    output: lastCleanLines(output, OUTPUT_LINES).join('\n'),
    at: Date.now(),
    isReported: false,
  });
  try {
    const program = join(closure, 'bin/switch-to-configuration');
    if (!(await exists(program))) return record(false, 'is missing from it');
    const { way, ended } = await runInGuest([program, 'test'], order);
    const { exitCode, isTimedOut, output } = ended;
    if (isTimedOut) return record(false, `did not end within ${order.timeoutSec} s (${way})`, output);
    if (exitCode === null && way === VIA_SOCKET)
      return record(true, `ended (${way}, which tells no status)`, output);
    if (exitCode === null) return record(false, `was ended by a signal (${way})`, output);
    return record(exitCode === 0, `exited with status ${exitCode} (${way})`, output);
  } catch (error) {
    return record(false, `could not be run: ${messageOf(error)}`);
  }
}

const VIA_SOCKET = "by the guest's run-command socket";

/** The guest's own ways in first: what they run is the guest's child, in its control group. */
async function runInGuest(
  command: readonly string[],
  { leader, timeoutSec }: Order,
): Promise<{ readonly way: string; readonly ended: Ended }> {
  const timeoutMs = timeoutSec * 1000;
  const socket = await openGuestSocket(leader, COMMAND_SOCKET);
  if (socket !== null) {
    const ended = await using(socket, () =>
      runByCommandSocket(pathOfHandle(socket), command.join(' '), timeoutMs),
    );
    return { way: VIA_SOCKET, ended };
  }
  const startedAt = performance.now();
  const inTime = async (argv: readonly string[], descriptors: readonly number[] = []): Promise<Ended> => {
    const [program = '', ...args] = argv;
    const ended = await runToEnd(program, args, timeoutMs + GRACE_MS, descriptors);
    const isLate = ended.exitCode !== 0 && performance.now() - startedAt >= timeoutMs;
    return { ...ended, isTimedOut: ended.isTimedOut || isLate };
  };
  const bus = await openGuestBus(leader);
  if (bus !== null) {
    const inUnit = ['systemd-run', ...unitOptions(timeoutSec), '--service-type=exec', '--', ...command];
    const ended = await using(bus, () => inTime([...bus.speaking, ...inUnit], bus.descriptors));
    return { way: "by the guest's systemd", ended };
  }
  const bounds = await readBounds(leader);
  return {
    way: 'by entering the guest',
    ended: await inTime(['systemd-run', ...enteringArgv(leader, bounds, command, timeoutSec)]),
  };
}

/**
 * systemd-run's, from a unit of the host's, since nspawnd's own has bounds that are none of the guest's. A guest decides by
 * itself what it is that runs there (a mount over the program is enough), so it gets no more than the guest may have.
 */
export function enteringArgv(
  leader: number,
  bounds: GuestBounds | null,
  command: readonly string[],
  timeoutSec: number,
): readonly string[] {
  if (bounds === null)
    throw new NspawndError('CommandFailed', 'what the guest may have cannot be read; it is not entered');
  const enter = [
    '/usr/bin/env',
    '-i',
    ...ENVIRONMENT,
    ...enteringWords(leader, bounds, { nsenter: 'nsenter', setpriv: 'setpriv' }, command),
  ];
  return [...unitOptions(timeoutSec), '--slice=machine.slice', ...unitBounds(bounds), '--', ...enter];
}

/** What the manager's settings put into the environment of every unit is not for the guest. Where nsenter is on NixOS, too. */
const ENVIRONMENT = variablesOf({
  ...GUEST_ENVIRONMENT,
  PATH: `${GUEST_ENVIRONMENT.PATH}:/run/current-system/sw/bin`,
});

function unitOptions(timeoutSec: number): readonly string[] {
  return ['--quiet', '--wait', '--pipe', '--collect', `--property=RuntimeMaxSec=${timeoutSec}`];
}

async function using<T>(handle: { close(): Promise<void> }, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await handle.close();
  }
}
