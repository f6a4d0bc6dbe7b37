import { setTimeout as sleep } from 'node:timers/promises';

import type { Host } from '../testbed/host.ts';

/** Shows `nspawnctl get` until the signal: redrawn on a terminal, a line for each change elsewhere. */
export async function showLiveTable(host: Host, signal: AbortSignal): Promise<void> {
  if (process.stdout.isTTY) await redraw(host, signal);
  else await follow(host, signal);
}

async function redraw(host: Host, signal: AbortSignal): Promise<void> {
  let shownLines = 0;
  while (!signal.aborted) {
    const { stdout, stderr } = await host.exec(['nspawnctl', 'get'], { reject: false });
    const table = [stdout, stderr].filter(text => text !== '').join('\n');
    const upAndErase = shownLines > 0 ? `\x1b[${shownLines}A\x1b[J` : '';
    process.stdout.write(`${upAndErase}${table}\n`);
    shownLines = table.split('\n').length;
    await sleep(1000, undefined, { signal }).catch(() => undefined);
  }
}

async function follow(host: Host, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const watch = host.spawn(['nspawnctl', 'get', '-w'], {
      stdio: ['ignore', 'inherit', 'inherit'],
      cancelSignal: signal,
      reject: false,
    });
    await watch;
    // It ends when the host reboots; then again.
    await sleep(1000, undefined, { signal }).catch(() => undefined);
  }
}
