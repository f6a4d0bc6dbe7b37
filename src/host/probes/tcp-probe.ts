import { connect } from 'node:net';
import { type Answer, bad, GOOD, tooLate } from './answer.ts';

/** Whether a port accepts. Nothing is sent and nothing is read. */
export function probeTcp(
  { host, port }: { readonly host: string; readonly port: number },
  timeoutSec: number,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise(resolve => {
    const socket = connect({ host, port });
    const end = (answer: Answer) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(answer);
    };
    const abort = () => end(bad('given up'));
    const timer = setTimeout(() => end(tooLate(timeoutSec)), timeoutSec * 1000);
    signal.addEventListener('abort', abort);
    socket.once('connect', () => end(GOOD));
    socket.on('error', error => end(bad(connectionError(error))));
  });
}

/** `connect ECONNREFUSED 10.0.0.2:80` and the like, in words where there are some. */
export function connectionError(error: Error): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return WORDS[code] ?? message;
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the guest',
  ENETUNREACH: 'no route to the guest',
  ETIMEDOUT: 'connection timed out',
};
