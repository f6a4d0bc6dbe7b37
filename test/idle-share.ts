import { cpus } from 'node:os';

/** Returns a function that tells which share of the processors' time, 0 to 1, nobody used since it was last called. */
export function idleShare(): () => number {
  let before = times();
  return () => {
    const now = times();
    const all = now.all - before.all;
    const share = all === 0 ? 0 : (now.idle - before.idle) / all;
    before = now;
    return share;
  };
}

/** In milliseconds since the machine started, over all processors. Waiting for a disk is in neither. */
function times(): { readonly idle: number; readonly all: number } {
  const each = cpus().map(cpu => cpu.times);
  return {
    idle: each.reduce((sum, { idle }) => sum + idle, 0),
    all: each.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0),
  };
}
