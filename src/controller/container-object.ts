import { createHash } from 'node:crypto';
import type { Condition, ConditionFact } from '../api/condition.ts';
import { type Container, type ContainerStatus, MANIFEST_ANNOTATION, unitName } from '../api/container.ts';
import { API_VERSION, KIND } from '../api/manifest.ts';
import type { Desired } from '../planning/desired.ts';
import type { Observed } from '../planning/observed.ts';
import { remembered } from '../planning/remembered.ts';
import { rolloutState } from '../planning/rollout-facts.ts';
import type { Summary } from '../planning/summarize.ts';
import { nixStatus } from './nix-status.ts';
import { uidFrom } from './uid.ts';

/** The API's object, from what is wanted, what is, and their summary. `before` keeps the times of what did not change. */
export function containerObject(
  name: string,
  desired: Desired,
  observed: Observed,
  summary: Summary,
  before: Container | null,
  now: string,
): Container {
  const generation = desired.state === 'present' ? desired.generation : (before?.metadata.generation ?? 0);
  const createdAt =
    desired.state === 'present' ? desired.createdAt : (before?.metadata.creationTimestamp ?? now);
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name,
      uid: uidOf(`${name} ${createdAt}`),
      generation,
      resourceVersion: before?.metadata.resourceVersion ?? '',
      creationTimestamp: createdAt,
      ...metadataOf(desired, before),
    },
    spec: desired.state === 'present' ? desired.manifest.written : (before?.spec ?? {}),
    status: statusOf(name, desired, observed, summary, before, generation, now),
  };
}

function metadataOf(desired: Desired, before: Container | null): Partial<Container['metadata']> {
  if (desired.state !== 'present') {
    const { labels, annotations } = before?.metadata ?? {};
    return {
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
  }
  const { labels, annotations, place } = desired.manifest;
  return {
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    annotations: { ...annotations, [MANIFEST_ANNOTATION]: `${place.file}:${place.line}` },
  };
}

function statusOf(
  name: string,
  desired: Desired,
  observed: Observed,
  summary: Summary,
  before: Container | null,
  generation: number,
  now: string,
): ContainerStatus {
  const { unit, machine, process, history } = observed;
  const spec = desired.state === 'present' ? desired.manifest.spec : null;
  const addresses = [spec?.localAddress, spec?.localAddress6].filter(address => address !== undefined);
  const status: { -readonly [K in keyof ContainerStatus]: ContainerStatus[K] } = {
    observedGeneration: generation,
    phase: summary.phase,
    conditions: summary.conditions.map(fact => conditionOf(fact, before, generation, now)),
    restarts: history.restarts,
    addresses,
    unit: unitName(name),
  };
  if (summary.waitingFor !== null) status.waitingFor = summary.waitingFor;
  if (summary.nextRetryAt !== null) status.nextRetryTime = new Date(summary.nextRetryAt).toISOString();
  if (unit.activeAt !== null && unit.mainPid !== 0) status.startedAt = new Date(unit.activeAt).toISOString();
  if (machine?.isLeaderAlive) status.leader = machine.leader;
  if (desired.state === 'present') status.specHash = desired.manifest.specHash;
  if (desired.state === 'present' && desired.rollout !== undefined)
    status.rollout = { revision: desired.rollout.revision, state: rolloutState(desired) };
  if (process !== null) status.runningSpecHash = process.specHash;
  if (observed.nix !== null) status.nix = nixStatus(observed);
  if (unit.dropInPaths.length > 0) status.foreignDropIns = unit.dropInPaths;
  return status;
}

function conditionOf(
  fact: ConditionFact,
  before: Container | null,
  generation: number,
  now: string,
): Condition {
  const known = before?.status.conditions.find(condition => condition.type === fact.type);
  const lastTransitionTime =
    known !== undefined && known.status === fact.status ? known.lastTransitionTime : now;
  const { type, status, reason, message } = fact;
  return { type, status, reason, message, lastTransitionTime, observedGeneration: generation };
}

/** A name that was deleted and made anew is another object. */
const uidOf = remembered((nameAndTime: string) =>
  uidFrom(createHash('sha256').update(nameAndTime).digest('hex')),
);
