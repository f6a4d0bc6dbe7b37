import { formatSpan } from '../../api/age.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Request } from './connect.ts';
import type { Sockets } from './sockets.ts';

/** What can go wrong between the command and the daemon, in words that say what to do. */

const LOOK = 'see why: systemctl status nspawnd; journalctl -u nspawnd -n 50';

export function unavailable(
  socket: string,
  cause: unknown,
  timeoutMs: number,
  method: Request['method'],
): CliError {
  const { code, name } = cause as NodeJS.ErrnoException;
  const start = 'start it: systemctl start nspawnd';
  if (name === 'AbortError' || name === 'TimeoutError')
    return new CliError(
      EXIT.unavailable,
      `nspawnd did not answer on ${socket} within ${formatSpan(timeoutMs)}`,
      [
        LOOK,
        'wait longer: --request-timeout 60s',
        // It may lie in the socket of a daemon that hangs, or be under way.
        ...(method === 'GET' ? [] : ['what was asked for may still happen; see nspawnctl get']),
      ],
      { cause },
    );
  if (code === 'ENOENT')
    return new CliError(EXIT.unavailable, `nspawnd is not running: no socket ${socket}`, [start, LOOK], {
      cause,
    });
  if (code === 'ECONNREFUSED')
    return new CliError(
      EXIT.unavailable,
      `nspawnd is not running: nothing listens on ${socket}`,
      [start, LOOK],
      { cause },
    );
  const why = (cause as Error).message;
  return new CliError(EXIT.unavailable, `lost nspawnd on ${socket}: ${why}`, [LOOK], { cause });
}

export function notPermitted(sockets: Sockets, method: Request['method']): CliError {
  if (method === 'GET' && sockets.reading !== null)
    return new CliError(
      EXIT.notPermitted,
      `not permitted to use ${sockets.all} (root) or ${sockets.reading} (nspawnd's reading group)`,
      ['run the same command with sudo', `or join the group that ls -l ${sockets.reading} shows`],
    );
  return new CliError(EXIT.notPermitted, `not permitted to use ${sockets.all}`, [
    'run the same command with sudo',
  ]);
}

export function wrongAnswer(socket: string): CliError {
  return new CliError(EXIT.unavailable, `what answers on ${socket} is not nspawnd`);
}

/** An answer other than 200, by what it says. */
export function refusal(code: number, body: unknown): CliError {
  const { kind, message } = (typeof body === 'object' && body !== null ? body : {}) as {
    kind?: unknown;
    message?: unknown;
  };
  if (kind !== 'Status' || typeof message !== 'string')
    return new CliError(EXIT.unavailable, `what answers is not nspawnd (HTTP ${code})`);
  return new CliError(EXIT_OF[code] ?? EXIT.bug, message, code === 503 || code === 504 ? [LOOK] : []);
}

const EXIT_OF: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage,
  403: EXIT.notPermitted,
  404: EXIT.noSuchObject,
  409: EXIT.refused,
  410: EXIT.unavailable,
  413: EXIT.refused,
  422: EXIT.invalidManifest,
  429: EXIT.unavailable,
  503: EXIT.unavailable,
  504: EXIT.unavailable,
};
