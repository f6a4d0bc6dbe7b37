import { createHash } from 'node:crypto';
import type { Manifest } from '../api/manifest.ts';
import { type NixSource, nixSourceOf } from '../api/nix-source.ts';
import type { BuildFacts, BuildResult, NixFacts, SystemFacts } from './nix-facts.ts';
import { profileOf } from './nix-places.ts';
import type { Observed } from './observed.ts';
import type { Waiting } from './plan.ts';
import { BUILD_LOG, nixBuild } from './render/nix-build.ts';
import type { UnitPaths } from './render/unit.ts';
import { type Step, step } from './step.ts';

/** How far a guest's system is from what the manifest names. */
export interface Realisation {
  readonly steps: readonly Step[];
  readonly waitingFor: Waiting | null;
  /** What only a person can mend. A generation that is there is used all the same. */
  readonly problem: { readonly reason: NixProblem; readonly message: string } | null;
}

export type NixProblem = 'NixMissing' | 'ClosureMissing' | 'NotAClosure' | 'ConfigMissing' | 'BuildFailed';

const PROBLEMS: readonly string[] = [
  'NixMissing',
  'ClosureMissing',
  'NotAClosure',
  'ConfigMissing',
  'BuildFailed',
] satisfies NixProblem[];

export function isNixProblem(problem: { readonly reason: string } | null): boolean {
  return problem !== null && PROBLEMS.includes(problem.reason);
}

const REALISED: Realisation = { steps: [], waitingFor: null, problem: null };
/** How soon the progress of a build is looked at again. */
const BUILD_LOOK_MS = 2000;
/** A build that was not its input's fault to fail is tried again after 30 s, doubling. */
const BUILD_RETRY_MS = 30_000;
const BUILD_RETRY_MAX_MS = 600_000;

/** The generation a launch takes, or null while there is none. */
export function usableSystem(observed: Observed): SystemFacts | null {
  const system = observed.nix?.system ?? null;
  return system?.isUsable ? system : null;
}

/**
 * What the manifest names has been made into a generation, or there is nothing to make. Which of its generations the profile
 * leads to is anybody's: a rollback's, say.
 */
export function isRealised({ name, spec }: Manifest, { nix }: Observed): boolean {
  const source = nixSourceOf(name, spec);
  if (nix === null || source === null) return true;
  switch (nix.source.state) {
    case 'bad':
      return false;
    case 'closure':
      return nix.realised === nix.source.closure;
    default:
      return nix.realised === inputNow(source, nix.source);
  }
}

/**
 * Makes the profile lead to what the manifest names: set at once for a `path`, built for the others. Each input is made
 * into a generation once; after that the profile is anybody's (a rollback's, say) until the input changes or an update is
 * asked for.
 */
export function planRealisation(manifest: Manifest, observed: Observed, paths: UnitPaths): Realisation {
  const { nix } = observed;
  const source = nixSourceOf(manifest.name, manifest.spec);
  if (nix === null || source === null) return REALISED;
  const take = takeUpdate(nix);
  if (nix.programs === null) {
    const message =
      'the host has no Nix, which makes the system of this container; install it (Debian: apt install nix-bin), and it goes on by itself';
    return { ...REALISED, steps: take, problem: { reason: 'NixMissing', message } };
  }
  const prepare =
    nix.missing.length === 0
      ? []
      : [step('prepareNix', { directories: nix.missing }, `missing: ${nix.missing.join(', ')}`)];
  if (isAsked(nix, 'rollback') && nix.update?.generation != null) {
    const { generation } = nix.update;
    const change = step('switchGeneration', { profile: profileOf(manifest.name), generation }, 'asked for');
    return { ...REALISED, steps: [...prepare, change, ...take] };
  }
  if (nix.source.state === 'bad') {
    const { reason, message } = nix.source;
    return { ...REALISED, steps: take, problem: { reason, message } };
  }
  if (nix.source.state === 'closure') {
    const { closure } = nix.source;
    const isSet = nix.realised === closure && nix.system !== null;
    const because =
      nix.realised === '' ? 'it is its first system' : `${manifest.spec.path} leads elsewhere now`;
    const set = step('setProfile', { profile: profileOf(manifest.name), closure, input: closure }, because);
    return { ...REALISED, steps: [...prepare, ...(isSet ? [] : [set]), ...take] };
  }
  const input = inputNow(source, nix.source);
  const realisation = planBuild(manifest, source, input, nix, observed.now, paths);
  return { ...realisation, steps: [...prepare, ...realisation.steps] };
}

function planBuild(
  manifest: Manifest,
  source: NixSource,
  input: string,
  nix: NixFacts,
  now: number,
  paths: UnitPaths,
): Realisation {
  const { build, programs } = nix;
  const begin = (attempt: number, isRefreshed: boolean, because: string): Step =>
    step(
      'startBuild',
      nixBuild(
        { manifest, source, input, attempt, isRefreshed, programs: programs ?? '' },
        nix.searchPath,
        paths,
      ),
      because,
    );

  if (build.isRunning && build.input !== input)
    return {
      ...REALISED,
      steps: [step('stopBuild', {}, 'what is to be built changed')],
      waitingFor: BUILDING,
    };
  // An update that is asked for meanwhile waits: what it is about may have changed after this build read it.
  if (build.isRunning) return { ...REALISED, waitingFor: showProgress(build, now) };

  const report =
    build.result === null || build.result.isReported
      ? []
      : [step('reportBuild', { result: build.result }, build.result.cause)];
  if (isAsked(nix, 'build')) {
    const steps = [...report, begin(1, true, 'an update was asked for'), ...takeUpdate(nix)];
    return { ...REALISED, steps, waitingFor: BUILDING };
  }
  const last = build.result?.input === input ? build.result : null;
  if (nix.realised === input && (last === null || last.isGood)) return settle(report, nix);
  if (last === null || last.isGood) {
    const because = nix.realised === '' ? 'it is its first system' : 'what it is made from changed';
    const steps = [...report, begin(1, false, because), ...takeUpdate(nix)];
    return { ...REALISED, steps, waitingFor: BUILDING };
  }
  const message = buildFailure(last, paths);
  if (!last.isPassing)
    return {
      steps: [...report, ...takeUpdate(nix)],
      waitingFor: null,
      problem: { reason: 'BuildFailed', message },
    };
  const dueAt = last.at + Math.min(BUILD_RETRY_MAX_MS, BUILD_RETRY_MS * 2 ** Math.min(last.attempt - 1, 10));
  // A clock that was set back must not make anybody wait for ever.
  if (dueAt <= now || dueAt > now + BUILD_RETRY_MAX_MS) {
    const again = begin(last.attempt + 1, false, `the last one ${last.cause}`);
    return { ...REALISED, steps: [...report, again], waitingFor: BUILDING };
  }
  const waitingFor = {
    reason: 'BuildBackOff',
    message: `next try at ${new Date(dueAt).toISOString()}: ${message}`,
    until: dueAt,
  };
  return { ...REALISED, steps: [...report, ...takeUpdate(nix)], waitingFor };
}

const BUILDING: Waiting = { reason: 'Building', message: 'Nix builds its system', until: null };

function showProgress({ lastLine }: BuildFacts, now: number): Waiting {
  const message = lastLine === '' ? BUILDING.message : `${BUILDING.message}: ${lastLine}`;
  return { ...BUILDING, message, until: now + BUILD_LOOK_MS };
}

/** Its input has been made into a generation; what is there may still be nothing to boot. */
function settle(report: readonly Step[], nix: NixFacts): Realisation {
  const steps = [...report, ...takeUpdate(nix)];
  if (nix.system?.isUsable) return { ...REALISED, steps };
  const message =
    nix.system === null
      ? 'its profile leads nowhere any more; make it anew: nspawnctl update'
      : `${nix.system.closure} is no system: it has no init`;
  return { ...REALISED, steps, problem: { reason: 'NotAClosure', message } };
}

function buildFailure({ cause, tail }: BuildResult, { nixDirectory }: UnitPaths): string {
  const lines = tail.map(line => `  ${line}`).join('\n');
  return `the build of its system ${cause} (${nixDirectory}/${BUILD_LOG})${lines === '' ? '' : `; its last lines:\n${lines}`}`;
}

function inputNow(source: NixSource, found: NixFacts['source']): string {
  return inputOf(source, found.state === 'file' ? found.digest : '');
}

/** What a generation is made from, as one word: equal words are not built twice. */
function inputOf(source: NixSource, digest: string): string {
  switch (source.kind) {
    case 'closure':
      return source.path;
    case 'file':
      return `config-${hash(`${source.path}\n${digest}`)}`;
    case 'text':
      return `config-${hash(source.text)}`;
    case 'flake':
      return `flake-${hash(`${source.reference}#${source.attribute}`)}`;
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

export function isAsked({ update }: NixFacts, mode: NonNullable<NixFacts['update']>['mode']): boolean {
  return update !== null && !update.isTaken && update.mode === mode;
}

/** An update is taken when what it asks for has begun. A `switch` is another's to take: see `nix-switch.ts`. */
function takeUpdate(nix: NixFacts): readonly Step[] {
  const { update, lastSwitch } = nix;
  if (update === null || update.isTaken || update.mode === 'switch') return [];
  const forget =
    lastSwitch === null || lastSwitch.isGood ? [] : [step('forgetSwitch', {}, 'it is tried again')];
  return [...forget, step('takeUpdate', { at: update.at }, 'it has begun')];
}
