import type { Register } from './command-line.ts';
import { registerApply } from './registration/apply.ts';
import { registerCompletion } from './registration/completion.ts';
import { registerCp } from './registration/cp.ts';
import { registerCreate } from './registration/create.ts';
import { registerDelete } from './registration/delete.ts';
import { registerDescribe } from './registration/describe.ts';
import { registerDestroy } from './registration/destroy.ts';
import { registerDiff } from './registration/diff.ts';
import { registerDoctor } from './registration/doctor.ts';
import { registerEdit } from './registration/edit.ts';
import { registerEvents } from './registration/events.ts';
import { registerExec } from './registration/exec.ts';
import { registerExplain } from './registration/explain.ts';
import { registerGet } from './registration/get.ts';
import { registerImport } from './registration/import.ts';
import { registerList } from './registration/list.ts';
import { registerLogin } from './registration/login.ts';
import { registerLogs } from './registration/logs.ts';
import { registerNix } from './registration/nix.ts';
import { registerPrune } from './registration/prune.ts';
import { registerRequests } from './registration/request.ts';
import { registerRollout } from './registration/rollout.ts';
import { registerRootLogin } from './registration/root-login.ts';
import { registerRun } from './registration/run.ts';
import { registerSchema } from './registration/schema.ts';
import { registerShell } from './registration/shell.ts';
import { registerShowHostKey } from './registration/show-host-key.ts';
import { registerShowIp } from './registration/show-ip.ts';
import { registerStatus } from './registration/status.ts';
import { registerSuspension } from './registration/suspension.ts';
import { registerTop } from './registration/top.ts';
import { registerValidate } from './registration/validate.ts';
import { registerVersion } from './registration/version.ts';
import { registerWait } from './registration/wait.ts';

/** Every command, by what it is for, in the order in which --help and the manual show them. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  {
    heading: 'See how containers are:',
    commands: [
      registerGet,
      registerDescribe,
      registerTop,
      registerLogs,
      registerEvents,
      registerList,
      registerStatus,
      registerWait,
      registerShowIp,
      registerShowHostKey,
    ],
  },
  {
    heading: 'Write manifests:',
    commands: [
      registerValidate,
      registerExplain,
      registerSchema,
      registerDiff,
      registerApply,
      registerEdit,
      registerDelete,
      registerCreate,
      registerDestroy,
      registerImport,
    ],
  },
  {
    heading: 'Start, stop and roll back:',
    commands: [registerRequests, registerSuspension, registerRollout],
  },
  { heading: 'Systems made by Nix:', commands: [registerNix] },
  {
    heading: 'Go into a guest:',
    commands: [registerExec, registerShell, registerCp, registerRun, registerRootLogin, registerLogin],
  },
  {
    heading: 'Look after nspawnd:',
    commands: [registerPrune, registerDoctor, registerCompletion, registerVersion],
  },
];

export interface CommandGroup {
  readonly heading: string;
  readonly commands: readonly Register[];
}
