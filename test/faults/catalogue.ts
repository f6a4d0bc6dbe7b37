import { churn } from './churn.ts';
import { clockJumps } from './clock.ts';
import type { Fault } from './fault.ts';
import { fullMachines, fullManifests, fullRun, fullState } from './full-disks.ts';
import { garbage } from './garbage.ts';
import { killAfterEachStep, killBeforeEachEffect } from './kill-controller.ts';
import { killInit, killNspawn } from './kill-guests.ts';
import { killBus, killMachined } from './kill-services.ts';
import { manifestsGoAway, readOnlyEtc } from './mounts.ts';

/** Every fault, in the order in which they are done. */
export const FAULTS: readonly Fault[] = [
  killAfterEachStep,
  killBeforeEachEffect,
  killMachined,
  killBus,
  killNspawn,
  killInit,
  fullRun,
  fullState,
  fullMachines,
  fullManifests,
  readOnlyEtc,
  manifestsGoAway,
  clockJumps,
  garbage,
  churn,
];
