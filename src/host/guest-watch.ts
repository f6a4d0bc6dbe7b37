import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { GuestUnit } from './guest-command.ts';

/**
 * Ends what runs in a guest when the one who asked for it is gone without having seen its end: killed, or its terminal
 * closed. systemd-run leaves its unit running then, and the unit is the guest's. So somebody waits beside: a shell of the
 * host's whose input ends when this process does.
 */
export class GuestWatch {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static begin({ name, bus }: GuestUnit): GuestWatch {
    const child = spawn('/bin/sh', ['-c', WATCH, 'sh', name, ...(bus?.speaking ?? [])], {
      // What a terminal sends to everybody in it must not reach this one.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore', ...(bus?.descriptors ?? [])],
    });
    child.on('error', () => {
      // No shell on this host: then nobody watches, ignoring.
    });
    child.unref();
    child.stdin?.on('error', () => undefined);
    (child.stdin as Socket | null)?.unref();
    return new GuestWatch(child);
  }

  /** The process that waits for the unit here. */
  follow(pid: number | undefined): void {
    if (pid !== undefined) this.#child.stdin?.write(`${pid}\n`);
  }

  /** It has ended as it should; nothing is to be done. */
  release(): void {
    this.#child.stdin?.write('done\n');
  }

  close(): void {
    this.#child.stdin?.end();
  }
}

/**
 * Arguments: the unit, and what comes before a program so that it speaks to the systemd whose unit it is. The one who waits may be on its way to starting the unit: first it goes, and the
 * unit is looked for more than once.
 */
const WATCH = [
  'unit=$1',
  'shift',
  'read -r pid || pid=',
  'if read -r word; then exit; fi',
  '[ -z "$pid" ] || kill "$pid"',
  'for _ in 1 2 3; do',
  '  "$@" systemctl stop -- "$unit"',
  '  sleep 1',
  'done',
].join('\n');
