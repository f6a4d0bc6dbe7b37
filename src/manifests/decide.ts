import type { Problem } from '../api/problem.ts';
import { assertNever } from '../errors.ts';
import type { Desired } from '../planning/desired.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { admit } from './admission.ts';
import type { Admitted, Contender, World } from './contender.ts';
import type { Fate } from './guard.ts';
import { acceptedBy } from './next-version.ts';
import { factsOf } from './rollout.ts';
import type { Survey } from './survey.ts';

/** From a survey and the fate of the vanished to Desired of every name, and what is to be kept of it. Pure. */
export function decide(situation: Situation): Decision {
  const contenders = contendersOf(situation);
  const admitted = admit(contenders, situation.world);
  const desired = new Map<string, Desired>();
  const keep: AcceptedVersion[] = [];
  const drop: string[] = [];
  for (const name of namesOf(situation)) {
    const version = situation.versions.get(name) ?? null;
    const fate = situation.fate.get(name);
    const isMeant = situation.survey.byName.has(name) || situation.survey.excused.has(name);
    if (isMeant) {
      const verdict = admitted.get(name);
      if (verdict === undefined) continue;
      const accepted = acceptedBy(verdict, version, situation.nowText);
      if (accepted !== null && accepted !== version) keep.push(accepted);
      if (version?.removedAt != null && verdict.origin !== 'document') drop.push(name);
      const excuses = situation.survey.excused.get(name)?.flatMap(document => document.problems) ?? [];
      desired.set(name, desiredOf(verdict, accepted, excuses));
    } else if (fate === undefined) {
      // Only a tombstone is neither meant nor vanished: its deletion goes on.
      desired.set(name, { state: 'absent' });
    } else {
      desired.set(name, desiredOfVanished(name, version, fate, admitted.get(name), situation));
      if (fate.is === 'deleted') keep.push(tombstone(name, version, situation.nowText));
    }
  }
  return { desired, keep, drop, contenders, problems: problemsOf(situation.survey, admitted) };
}

export interface Situation {
  readonly survey: Survey;
  /** Of every vanished name; see `guard.ts`. */
  readonly fate: ReadonlyMap<string, Fate>;
  /** Last good versions and tombstones. */
  readonly versions: ReadonlyMap<string, AcceptedVersion>;
  readonly world: World;
  /** What was announced before. */
  readonly previous: ReadonlyMap<string, Desired>;
  /** RFC 3339. */
  readonly nowText: string;
}

export interface Decision {
  readonly desired: ReadonlyMap<string, Desired>;
  /** To be recorded before anything is announced. */
  readonly keep: readonly AcceptedVersion[];
  /** Tombstones of names that came back broken: nothing of them is good any more. */
  readonly drop: readonly string[];
  readonly contenders: readonly Contender[];
  readonly problems: readonly Problem[];
}

/** The tombstone of a name, with what it had: others wait until it is gone. */
export function tombstone(name: string, version: AcceptedVersion | null, nowText: string): AcceptedVersion {
  const nothing = { name, file: null, manifest: null, generation: 0, createdAt: nowText };
  return { ...(version ?? nothing), removedAt: nowText };
}

function namesOf({ survey, versions }: Situation): ReadonlySet<string> {
  return new Set([...survey.byName.keys(), ...survey.known, ...versions.keys()]);
}

function contendersOf({ survey, fate, versions }: Situation): readonly Contender[] {
  const contenders: Contender[] = [];
  for (const [name, documents] of survey.byName) {
    const version = versions.get(name) ?? null;
    // What a tombstone had is no last good version to fall back on.
    contenders.push({
      name,
      documents,
      accepted: version?.removedAt === null ? version : null,
      isLeaving: false,
    });
  }
  for (const [name, version] of versions) {
    if (survey.byName.has(name)) continue;
    const isLeaving = version.removedAt !== null || (fate.has(name) && fate.get(name)?.is !== 'held');
    contenders.push({ name, documents: [], accepted: version, isLeaving });
  }
  return contenders;
}

export function desiredOf(
  verdict: Admitted,
  accepted: AcceptedVersion | null,
  excuses: readonly Problem[],
): Desired {
  const problems = [...excuses, ...verdict.objections.map(objection => objection.problem)];
  if (verdict.manifest !== null && accepted !== null) {
    const { generation, createdAt, rollout } = accepted;
    const said = verdict.document?.manifest?.specHash;
    const isRefusedAsked = said === undefined || said === rollout?.refused?.specHash;
    const facts = factsOf(accepted, isRefusedAsked);
    const manifest =
      verdict.origin === 'accepted' ? (accepted.manifest ?? verdict.manifest) : verdict.manifest;
    return { state: 'present', manifest, generation, createdAt, problems, rollout: facts };
  }
  return {
    state: 'unknown',
    problems,
    reason: verdict.waitsFor ?? 'no version of its manifest was ever accepted',
  };
}

function desiredOfVanished(
  name: string,
  version: AcceptedVersion | null,
  fate: Fate,
  verdict: Admitted | undefined,
  situation: Situation,
): Desired {
  switch (fate.is) {
    case 'deleted':
      return { state: 'absent' };
    case 'undecided': {
      const before = situation.previous.get(name);
      // What was never seen in this life of ours is not started on the strength of an old record.
      return before?.state === 'present'
        ? before
        : {
            state: 'unknown',
            problems: [],
            reason: 'its manifest has vanished; whether it was deleted is not yet certain',
          };
    }
    case 'held': {
      if (verdict === undefined || verdict.manifest === null || version === null) {
        const problems = verdict?.objections.map(objection => objection.problem) ?? [];
        return { state: 'unknown', problems, reason: fate.hold.message };
      }
      const held = desiredOf(verdict, version, []);
      return held.state === 'present' ? { ...held, heldBecause: fate.hold } : held;
    }
    default:
      return assertNever(fate);
  }
}

/** Everything wrong, by place, bounded. */
function problemsOf(survey: Survey, admitted: ReadonlyMap<string, Admitted>): readonly Problem[] {
  const nameless = survey.documents.filter(document => document.name === null);
  const problems = [
    ...nameless.flatMap(document => document.problems),
    ...[...admitted.values()].flatMap(verdict => verdict.objections.map(objection => objection.problem)),
  ];
  return problems.sort(comparePlaces).slice(0, MAX_PROBLEMS);
}

const MAX_PROBLEMS = 1_000;

function comparePlaces(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
