import type { NixStatus } from '../api/generation.ts';
import type { SwitchRecord } from '../planning/nix-facts.ts';
import { runningClosure } from '../planning/nix-switch.ts';
import type { Observed } from '../planning/observed.ts';

/** What people are told of a system made by Nix. */
export function nixStatus(observed: Observed): NixStatus {
  const { system, update, lastSwitch } = observed.nix ?? {};
  const running = runningClosure(observed);
  return {
    ...(system == null ? {} : { closure: system.closure, generation: system.generation }),
    ...(running === '' ? {} : { runningClosure: running }),
    ...(update?.isTaken ? { updateRequestedAt: new Date(update.at).toISOString() } : {}),
    ...(lastSwitch == null ? {} : { lastSwitch: shown(lastSwitch) }),
  };
}

function shown({ closure, isGood, how, output, at }: SwitchRecord): NonNullable<NixStatus['lastSwitch']> {
  return { closure, isGood, how, output, time: new Date(at).toISOString() };
}
