import { setTimeout as sleep } from 'node:timers/promises';

import type { Host } from '../testbed/host.ts';

/** As much of the API's container list as is looked at here. */
interface ContainerList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly phase: string;
      readonly conditions: readonly { type: string; status: string; reason: string; message: string }[];
    };
  }[];
}

const timeoutMs = 180_000;

/** Waits until nspawnd says Ready of each container, telling what changes. Throws with the reasons when it takes too long. */
export async function untilReady(
  host: Host,
  names: readonly string[],
  say: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  const lastSaid = new Map<string, string>();
  for (;;) {
    signal.throwIfAborted();
    const states = await readStates(host, names);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    for (const { name, summary } of states) {
      if (lastSaid.get(name) !== summary) say(`  ${seconds.padStart(5)} s  ${name}: ${summary}`);
      lastSaid.set(name, summary);
    }
    if (states.every(({ isReady }) => isReady)) return;
    if (performance.now() - startedAt > timeoutMs) {
      const waiting = states.filter(({ isReady }) => !isReady);
      const reasons = waiting.map(({ name, details }) => `${name} is not ready:\n${details}`);
      throw new Error(`waited ${timeoutMs / 1000} s\n${reasons.join('\n')}`);
    }
    await sleep(250);
  }
}

interface State {
  readonly name: string;
  readonly isReady: boolean;
  readonly summary: string;
  readonly details: string;
}

async function readStates(host: Host, names: readonly string[]): Promise<readonly State[]> {
  const got = await host.exec(['nspawnctl', 'get', '-o', 'json'], { reject: false });
  if (got.exitCode !== 0) {
    const state = { isReady: false, summary: 'nspawnd does not answer', details: got.stderr };
    return names.map(name => ({ name, ...state }));
  }
  const { items } = JSON.parse(got.stdout) as ContainerList;
  return names.map(name => {
    const status = items.find(item => item.metadata.name === name)?.status;
    if (!status)
      return { name, isReady: false, summary: 'not seen yet', details: 'nspawnd has not seen its manifest' };
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    const isReady = ready?.status === 'True';
    const details = status.conditions.map(
      ({ type, status, reason, message }) => `  ${type}=${status} ${reason}: ${message}`,
    );
    const summary = isReady
      ? 'Ready'
      : `${status.phase}: ${ready?.message || ready?.reason || 'no condition yet'}`;
    return { name, isReady, summary, details: details.join('\n') };
  });
}
