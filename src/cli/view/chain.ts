import { type Condition, type ConditionFact, findCondition } from '../../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION } from '../../api/container.ts';
import { fixOf } from './fix.ts';

/** What has to hold, one after the other, before a guest is Ready. */
export const LINKS = ['manifest', 'root', 'network', 'unit', 'machine', 'guest', 'probes'] as const;
export type LinkName = (typeof LINKS)[number];

/** `flawed`: something is wrong with it, but not what is in the way. */
export type LinkState = 'holds' | 'flawed' | 'broken' | 'underway' | 'unreached';

export interface Link {
  readonly name: LinkName;
  readonly state: LinkState;
  /** The reason, and for people the facts; empty where there is nothing to say. */
  readonly reason: string;
  readonly message: string;
}

export interface Chain {
  readonly links: readonly Link[];
  /** What to do about the link that does not hold; null: nothing. */
  readonly fix: string | null;
  /** It also fails again and again. */
  readonly loop: string | null;
}

/** The way from the manifest to a guest that is Ready, and where it ends; null for one that is Ready. Pure. */
export function chainOf(container: Container): Chain | null {
  const { conditions, phase } = container.status;
  const ready = findCondition(conditions, 'Ready');
  if (ready === undefined || ready.status === 'True') return null;
  const end = endOfChain(container, ready);
  const at = LINKS.indexOf(end.name);
  const links = LINKS.filter(name => name !== 'probes' || hasProbes(container)).map((name): Link => {
    const index = LINKS.indexOf(name);
    if (index < at) return before(name, container);
    return index === at ? end : { name, state: 'unreached', reason: '', message: '' };
  });
  const loop = findCondition(conditions, 'CrashLooping');
  return {
    links,
    fix: fixOf({ ...ready, reason: end.reason, message: end.message }, container),
    loop: loop?.status === 'True' && phase !== 'Starting' ? loop.message : null,
  };
}

/** The first link that does not hold. */
function endOfChain(container: Container, ready: Condition): Link {
  const { conditions, phase, leader, waitingFor } = container.status;
  const stalled = findCondition(conditions, 'Stalled');
  const limit = findCondition(conditions, 'HostReady');
  const cause: ConditionFact =
    stalled?.status === 'True' ? stalled : limit?.status === 'False' ? limit : ready;
  const link = (name: LinkName, state: LinkState, { reason, message }: ConditionFact = cause): Link => ({
    name,
    state,
    reason,
    message: fuller(message, ready.message),
  });
  switch (phase) {
    case 'Invalid':
    case 'Unknown':
    case 'Removing':
      return link('manifest', phase === 'Removing' ? 'underway' : 'broken');
    case 'Starting':
    case 'Running':
    case 'Stopping': {
      if (phase !== 'Stopping' && isAboutProbes(ready))
        return link('probes', ready.reason === 'Starting' ? 'underway' : 'broken', ready);
      const fact = { ...ready, message: waitingFor ?? ready.message };
      return link(phase !== 'Stopping' && leader === undefined ? 'machine' : 'guest', 'underway', fact);
    }
    default: {
      const known = OF_REASON[cause.reason];
      const root = findCondition(conditions, 'RootReady');
      // A system that is being built, say.
      if (known === undefined && root?.status === 'False')
        return link('root', phase === 'Stalled' ? 'broken' : 'underway', root);
      return link(known ?? 'unit', phase === 'Pending' && stalled === undefined ? 'underway' : 'broken');
    }
  }
}

/** A link that is not the one in the way. */
function before(name: LinkName, container: Container): Link {
  const { conditions, leader } = container.status;
  const holds = (message: string): Link => ({ name, state: 'holds', reason: '', message });
  const of = (condition: Condition | undefined): Link => {
    if (condition === undefined) return { name, state: 'unreached', reason: '', message: '' };
    const { status, reason, message } = condition;
    return status === 'True' ? holds(message) : { name, state: 'flawed', reason, message };
  };
  switch (name) {
    case 'manifest': {
      const valid = findCondition(conditions, 'ManifestValid');
      return valid === undefined
        ? holds(container.metadata.annotations?.[MANIFEST_ANNOTATION] ?? '')
        : of(valid);
    }
    case 'root':
      return of(findCondition(conditions, 'RootReady'));
    case 'network':
      return of(findCondition(conditions, 'NetworkReady'));
    case 'unit': {
      const running = findCondition(conditions, 'Running');
      // Not yet run is no flaw of it.
      return running?.status === 'False'
        ? { name, state: 'unreached', reason: '', message: '' }
        : of(running);
    }
    case 'machine':
      return holds(leader === undefined ? '' : `leader ${leader}`);
    case 'guest':
    case 'probes':
      return holds('');
  }
}

/** Whether more is asked of it than to boot. */
function hasProbes({ spec }: Container): boolean {
  return spec.startupProbe !== undefined || spec.readinessProbe !== undefined;
}

/** The guest has booted, and that is not enough. */
function isAboutProbes({ reason, message }: Condition): boolean {
  return PROBE_REASON.test(reason) || PROBE_MESSAGE.test(message);
}

const PROBE_REASON = /^(?:Startup|Readiness)ProbeFailed$/;
const PROBE_MESSAGE = /^its (?:startup|readiness)Probe /;

/** The summary often says the same and what came of it; then it says it best. */
function fuller(message: string, summary: string): string {
  return summary.startsWith(message) ? summary : message;
}

/** Where in the chain a reason belongs; what is not here is about the run itself. */
const OF_REASON: Readonly<Record<string, LinkName>> = {
  ManifestInvalid: 'manifest',
  RootMissing: 'root',
  RootNotADirectory: 'root',
  RootIsSymlink: 'root',
  RootUnsafe: 'root',
  UnsafePath: 'root',
  NixMissing: 'root',
  ClosureMissing: 'root',
  NotAClosure: 'root',
  ConfigMissing: 'root',
  Building: 'root',
  BuildFailed: 'root',
  BuildBackOff: 'root',
  ForeignNamespace: 'network',
  ForeignLink: 'network',
  InterfaceMissing: 'network',
  InterfaceUnusable: 'network',
  InterfaceNameTaken: 'network',
  UnitShadowed: 'unit',
  UnitInvalid: 'unit',
  Stopped: 'unit',
  NotStarted: 'unit',
  ExitedCleanly: 'unit',
  Failed: 'unit',
  BackOff: 'unit',
  TooManyRestarts: 'unit',
  Pending: 'unit',
  InotifyInstances: 'unit',
  MachinedUnavailable: 'unit',
  ProcessLimit: 'unit',
  NamespaceLimit: 'unit',
  DependencyNotReady: 'unit',
  BootSlot: 'unit',
  MachineExists: 'machine',
};
