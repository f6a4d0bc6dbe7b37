import type { ContainerEvent } from '../api/event.ts';
import type { Observed } from '../planning/observed.ts';
import { describeEnd } from '../planning/restart.ts';
import type { Step } from '../planning/step.ts';

export type EventFact = Pick<ContainerEvent, 'type' | 'reason' | 'message'>;

/** What a person reads in an object's history about a step that was taken; null for the housekeeping. */
export function eventOf(step: Step, observed: Observed): EventFact | null {
  const normal = (reason: string, message: string): EventFact => ({ type: 'Normal', reason, message });
  const warning = (reason: string, message: string): EventFact => ({ type: 'Warning', reason, message });
  switch (step.name) {
    case 'launch':
      return normal('Starting', step.because);
    case 'stop':
      return normal('Stopping', step.because);
    case 'markRestart':
      return normal('Restarting', step.because);
    case 'recordFailure':
      return warning('Failed', `${failureText(step.because, observed)}`);
    case 'killActivating':
    case 'killMain':
      return warning('Killing', step.because);
    case 'terminateMachine':
      return warning(
        'StaleRegistration',
        `machined still knew leader ${step.arguments.leader}: ${step.because}`,
      );
    case 'registerMachine':
      return warning('Registered', step.because);
    case 'removeCopy':
      return normal('CopyRemoved', `${step.arguments.path}: ${step.because}`);
    case 'attachNamespace':
      return warning('NetworkMended', step.because);
    case 'buildSandbox':
      if (observed.unit.mainPid === 0) return null;
      return step.arguments.isEdited === true
        ? normal('NetworkChanged', step.because)
        : warning('NetworkMended', step.because);
    case 'resetHistory':
    case 'takeBackFailure':
      return normal('BackoffReset', step.because);
    case 'endSuspension':
      return normal('Resumed', step.because);
    case 'rejectSpec':
      return warning('RolledBack', withLines(step.arguments.cause, step.arguments.lines));
    case 'startBuild':
      return normal('Building', step.because);
    case 'reportBuild': {
      const { isGood, cause, tail } = step.arguments.result;
      return isGood
        ? normal('Built', 'Nix built its system')
        : warning('BuildFailed', `the build of its system ${withLines(cause, tail)}`);
    }
    case 'setProfile':
      return normal('NewSystem', `${step.arguments.closure}: ${step.because}`);
    case 'switchGeneration':
      return normal('RolledBack', `to generation ${step.arguments.generation}`);
    case 'startSwitch':
      return normal('Reloading', `${step.arguments.closure}: ${step.because}`);
    case 'reportSwitch': {
      const { isGood, closure, how, output } = step.arguments.record;
      const said = withLines(`${closure}: switch-to-configuration ${how}`, output === '' ? [] : [output]);
      return isGood ? normal('Reloaded', said) : warning('ReloadFailed', said);
    }
    default:
      return null;
  }
}

function withLines(sentence: string, lines: readonly string[]): string {
  return lines.length === 0 ? sentence : `${sentence}; its last lines:\n${lines.join('\n')}`;
}

function failureText(cause: string, { ended }: Observed): string {
  if (ended === null || ended.lastLines.length === 0) return cause;
  const how = describeEnd(ended);
  return `${how === cause ? cause : `${cause} (${how})`}; its last lines:\n${ended.lastLines.join('\n')}`;
}
