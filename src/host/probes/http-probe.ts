import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Probe } from '../../api/probe-fields.ts';
import { lastCleanLines } from '../clean-line.ts';
import { type Answer, bad, GOOD, tooLate } from './answer.ts';
import { connectionError } from './tcp-probe.ts';

/** Of the body of a bad answer only so much is read, and its first line shown. */
const MAX_BODY_BYTES = 1024;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * One request of its own connection. The certificate is not looked at (there is nobody to vouch for a guest), a redirect
 * is an answer like any other, and nothing is read that is not needed.
 */
export function probeHttp(
  { host, port, path, scheme, httpHeaders }: NonNullable<Probe['httpGet']> & { readonly host: string },
  timeoutSec: number,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise(resolve => {
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      host,
      port,
      path,
      agent: false,
      headers: headersOf(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, httpHeaders),
      maxHeaderSize: MAX_HEADER_BYTES,
      rejectUnauthorized: false,
    };
    const asking = (scheme === 'HTTPS' ? requestTls : request)(options, response => {
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 400) end(GOOD);
      else firstLine(response, line => end(bad(`status ${statusCode}${line === '' ? '' : `: ${line}`}`)));
    });
    const end = (answer: Answer) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      asking.destroy();
      resolve(answer);
    };
    const abort = () => end(bad('given up'));
    const timer = setTimeout(() => end(tooLate(timeoutSec)), timeoutSec * 1000);
    signal.addEventListener('abort', abort);
    asking.on('error', error => end(bad(connectionError(error))));
    asking.end();
  });
}

/** Those that are written, as often as they are; else ours. */
function headersOf(
  host: string,
  written: readonly { readonly name: string; readonly value: string }[],
): string[] {
  const ours: readonly (readonly [name: string, value: string])[] = [
    ['Host', host],
    ['User-Agent', 'nspawnd-probe'],
    ['Accept', '*/*'],
    ['Connection', 'close'],
  ];
  const names = new Set(written.map(({ name }) => name.toLowerCase()));
  return [
    ...ours.filter(([name]) => !names.has(name.toLowerCase())).flat(),
    ...written.flatMap(({ name, value }) => [name, value]),
  ];
}

function firstLine(response: IncomingMessage, use: (line: string) => void): void {
  let body = '';
  const done = () => use(lastCleanLines(body.slice(0, MAX_BODY_BYTES), MAX_BODY_BYTES)[0] ?? '');
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    body += text;
    if (body.length >= MAX_BODY_BYTES) done();
  });
  response.on('end', done);
  response.on('error', done);
}
