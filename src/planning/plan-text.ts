import type { Plan } from './plan.ts';
import { sandboxText } from './sandbox.ts';
import type { Step } from './step.ts';

/**
 * The one text form of a plan: what `nspawnctl diff`, the log and the golden tests show. One line per step: its name, the
 * arguments that fit a line, and why. Long texts (a unit) are shown by their size.
 */
export function planText(plan: Plan): string {
  const lines = plan.steps.map((step, index) => `${index + 1}. ${stepText(step)}`);
  if (plan.stalled !== null) lines.push(`stalled: ${plan.stalled.reason}: ${plan.stalled.message}`);
  if (plan.waitingFor !== null)
    lines.push(`waiting for ${plan.waitingFor.reason}: ${plan.waitingFor.message}`);
  if (plan.waitingFor?.next !== undefined) lines.push(`then ${plan.waitingFor.next}`);
  return lines.map(line => `${line}\n`).join('');
}

export function stepText(step: Step): string {
  const shown = argumentsText(step);
  return shown === '' ? `${step.name} (${step.because})` : `${step.name} ${shown} (${step.because})`;
}

function argumentsText(step: Step): string {
  switch (step.name) {
    case 'buildSandbox': {
      return sandboxText(step.arguments.sandbox);
    }
    case 'prepareRoot':
      return `${step.arguments.root} [${step.arguments.missing.join(' ')}]`;
    case 'writeUnit':
      return `${step.arguments.text.split('\n').length} lines`;
    case 'recordFailure':
      return `#${step.arguments.failures}, next try at ${new Date(step.arguments.nextRetryAt).toISOString()}`;
    case 'launch':
      return `${step.arguments.cause} ${step.arguments.specHash}`;
    case 'removeCopy':
      return step.arguments.path;
    case 'stopFormer':
      return step.arguments.unit;
    case 'terminateMachine':
    case 'attachNamespace':
      return `leader ${step.arguments.leader}`;
    case 'setProfile':
    case 'startSwitch':
      return step.arguments.closure;
    case 'keepSystems':
      return step.arguments.closures.join(' ');
    case 'switchGeneration':
      return String(step.arguments.generation);
    case 'startBuild':
      return step.arguments.input;
    case 'beginTrial':
      return `generation ${step.arguments.generation}`;
    case 'proveSpec':
    case 'rejectSpec':
      return step.arguments.specHash;
    case 'probe':
      return Object.keys(step.arguments.questions).join(' ');
    case 'updateHostsFile':
    case 'updateGuestHosts':
      return `${step.arguments.hosts.length} lines`;
    default:
      return '';
  }
}
