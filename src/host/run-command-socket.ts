import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { type Ended, keepTail } from './command.ts';

/**
 * The origin's way into a guest: a command line is written to its socket, and what comes back until the end is what the
 * command printed. It has no exit status; a second line asks the guest's shell for it, and a guest that only ever reads
 * one has none to give: `exitCode` is null then, and `isTimedOut` false.
 */
export function runByCommandSocket(path: string, command: string, timeoutMs: number): Promise<Ended> {
  const mark = `nspawnd-${randomBytes(8).toString('hex')}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    let output = '';
    let isTimedOut = false;
    const deadline = setTimeout(() => {
      isTimedOut = true;
      socket.destroy();
    }, timeoutMs);
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.end(`${command}\necho "${mark} $?"\n`));
    socket.on('data', (text: string) => {
      output = keepTail(output, text);
    });
    socket.on('error', error => {
      // A guest that has done its work and not read all of ours has answered.
      if (output === '' && !isTimedOut) reject(error);
    });
    socket.on('close', () => {
      clearTimeout(deadline);
      const [said = '', status] = output.split(`${mark} `);
      const exitCode = status === undefined ? null : Number.parseInt(status, 10);
      resolve({ output: said, exitCode, isTimedOut });
    });
  });
}
