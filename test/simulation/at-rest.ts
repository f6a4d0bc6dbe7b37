import { findCondition } from '../../src/api/condition.ts';
import type { JsonObject } from '../../src/api/manifest.ts';
import type { Probe } from '../../src/api/probe-fields.ts';
import type { Desired } from '../../src/planning/desired.ts';
import { hostLinkName } from '../../src/planning/link-name.ts';
import { PROBE_KINDS } from '../../src/planning/probe-facts.ts';
import { hostsBlock, hostsEntries } from '../../src/planning/render/hosts-block.ts';
import { isOurUnit } from '../../src/planning/render/unit.ts';
import { linkAlias } from '../../src/planning/sandbox.ts';
import { environmentOf } from '../model/model-host.ts';
import type { Simulation } from './simulation.ts';
import { launchedWith, specOf } from './specs.ts';
import { Violation } from './violation.ts';

/** What has to be true of a host that has been left alone for long enough. */
export async function checkAtRest(sim: Simulation): Promise<void> {
  const { host, folder } = sim;
  const before = sim.steps();
  await sim.lookAgain();
  // Old failures are forgiven whenever their time has come, also now.
  const done = sim.steps().slice(before.length);
  const isOverdue = done.some(line => !line.endsWith(': resetHistory')) || new Set(done).size < done.length;
  check(!isOverdue, 'fixpoint', `a re-list finds something to do: ${done.join(', ')}`);
  const plans = await sim.plans();
  for (const { key, steps } of plans)
    check(steps.length === 0, 'fixpoint', `${key}: ${steps.map(({ name }) => name).join(', ')}`);
  for (const name of sim.life.names) {
    const desired = folder.desired(name);
    if (desired.state === 'absent') checkGone(sim, name);
    // Unknown, where nobody can tell: nothing keeps it.
    const isKept = desired.state === 'present' && folder.mustBeGone(name);
    check(!isKept, 'confirmed deletions', `${name} is there all the same`);
    const spec = folder.spec(name);
    const isInForce =
      desired.state === 'present' && JSON.stringify(desired.manifest.written) === JSON.stringify(spec);
    check(
      spec === null || isInForce || isExcused(desired),
      'in force',
      `${name}: ${JSON.stringify(desired)}`,
    );
    if (desired.state !== 'present') continue;
    const { stalled, waitingFor } = plans.find(({ key }) => key === name) ?? {};
    const isWaiting = WAITS.includes(waitingFor?.reason ?? '');
    const hindrance = stalled ?? (isWaiting ? waitingFor : null);
    checkPresent(sim, name, hindrance?.reason ?? null);
  }
  const wanted = [...folder.names()].sort().flatMap(name => {
    const desired = folder.desired(name);
    return desired.state === 'present' ? hostsEntries(desired.manifest) : [];
  });
  check((host.hostsBlock ?? '') === hostsBlock(wanted), 'hosts file', host.hostsBlock ?? '(none)');
}

/** By the table of the README, and by nothing that the planner has written down. */
function checkPresent(sim: Simulation, name: string, hindrance: string | null): void {
  const { host, folder, controller } = sim;
  const desired = folder.desired(name);
  if (desired.state !== 'present') return;
  const { spec, written } = desired.manifest;
  const unit = host.unit(name);
  const { run } = unit;
  const container = controller?.get(name) ?? null;
  check(container !== null, 'status', `${name} has none`);
  const ready = findCondition(container?.status.conditions ?? [], 'Ready');
  check(
    container?.status.observedGeneration === desired.generation,
    'status',
    `${name} is of generation ${container?.status.observedGeneration}, not ${desired.generation}`,
  );
  check(!host.requests.has(name) || hindrance !== null, 'requests', `${name} still has one`);
  if (run === undefined) {
    check(ready?.status === 'False', 'status', `${name} does not run and is said to be ready`);
    const ended = host.ended.get(name);
    const mayStay =
      hindrance !== null ||
      (ended === undefined
        ? !spec.autoStart || host.histories.get(name)?.launch != null
        : ended.isRequested ||
          (isClean(ended) && spec.restartPolicy !== 'Always') ||
          ((ended.exitStatus !== '133' || sim.watcher.hasFailed(name)) && spec.restartPolicy === 'Never'));
    check(mayStay, 'restart table', `${name} is down: ${JSON.stringify({ ended, spec: written })}`);
    return;
  }
  check(unit.activeState === 'active', 'fixpoint', `${name} is ${unit.activeState}`);
  check(host.machines.get(name)?.leader === run.leader, 'registration', `machined does not know ${name}`);
  const started = specOf(run.text);
  if (spec.restartIfChanged && hindrance === null && started !== null)
    check(launchedWith(started) === launchedWith(written), 'spec', `${name} runs an older spec`);
  const booted = environmentOf(run.text, 'NSPAWND_SYSTEM_PATH');
  if (booted !== '')
    check(host.nix.kept.get(name)?.includes(booted) === true, 'kept systems', `${booted} may be collected`);
  check((ready?.status === 'True') === sim.isReady(name), 'status', `${name}: Ready is ${ready?.status}`);
  if (hindrance === null) checkProbes(sim, name, written);
  if (!spec.privateNetwork || started?.privateNetwork !== true || hindrance !== null) return;
  const pair = host.pairs.get(hostLinkName(name));
  check(host.namespaces.get(name) === run.namespace, 'network', `${name} is not in its namespace`);
  const addresses = [spec.localAddress, spec.localAddress6].filter(address => address !== undefined);
  for (const address of addresses)
    check(
      pair?.guestAddresses.some(found => found.startsWith(`${address}/`)) === true,
      'network',
      `${name} has not ${address}`,
    );
}

/** Everything that it wants asked was asked, and answered well; nothing else is asked. */
function checkProbes({ host }: Simulation, name: string, written: JsonObject): void {
  const found = host.probes.observe(name);
  const asked = host.probes.asked(name);
  for (const kind of PROBE_KINDS) {
    const [wanted, is] = [commandOf(written[`${kind}Probe`]), commandOf(asked[kind])];
    check(wanted === is, 'probes', `${name}: its ${kind}Probe is ${is}, not ${wanted}`);
    if (asked[kind] === undefined) continue;
    check(found[kind].state === 'success', 'probes', `${name}: ${kind} is ${found[kind].state}`);
  }
}

function commandOf(probe: unknown): string {
  return JSON.stringify((probe as Probe | undefined)?.exec?.command ?? '');
}

/** The newest text of its manifest is not valid, or was tried in vain. */
function isExcused(desired: Desired): boolean {
  if (desired.state === 'present' && desired.rollout?.refused != null) return true;
  return desired.state !== 'absent' && desired.problems.length > 0;
}

/** Nothing of ours is left of it. */
export function checkGone(sim: Simulation, name: string): void {
  const { host } = sim;
  const { marks, fifos, ended, requests, histories, memories, guestHosts, lent, suspensions } = host;
  const { results } = host.probes;
  const kinds = {
    results,
    marks,
    fifos,
    ended,
    requests,
    histories,
    memories,
    guestHosts,
    lent,
    suspensions,
  };
  for (const [kind, things] of Object.entries(kinds))
    check(!things.has(name), 'no orphan', `${name} is gone, its ${kind} are not`);
  check(!isOurUnit(host.unit(name).run?.text ?? ''), 'no orphan', `${name} is gone and runs`);
  check(!isOurUnit(host.unitFiles.get(name) ?? ''), 'no orphan', `${name} is gone, its unit is not`);
  check(
    host.pairs.get(hostLinkName(name))?.alias !== linkAlias(name),
    'no orphan',
    `${name} is gone, its link is not`,
  );
  check(sim.controller?.get(name) == null, 'no orphan', `${name} is gone, its status is not`);
}

export function check(isGood: boolean, oracle: string, message: string): void {
  if (!isGood) throw new Violation(oracle, message);
}

/** For others, and not for its own time. */
const WAITS = ['InotifyInstances', 'DependencyNotReady'];

function isClean({ result, exitStatus }: { readonly result: string; readonly exitStatus: string }): boolean {
  return result === 'success' && exitStatus === '0';
}
