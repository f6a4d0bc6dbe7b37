import type { JsonObject, Manifest } from '../api/manifest.ts';
import type { Probe } from '../api/probe-fields.ts';
import { specHash } from '../api/spec-hash.ts';
import type { Observed } from './observed.ts';
import { PROBE_KINDS, type ProbeKind, type ProbeResult, type Questions, UNASKED } from './probe-facts.ts';

/** What a manifest wants asked, and where. */
export function questionsOf({ spec }: Manifest): Questions {
  const address = spec.privateNetwork ? (spec.localAddress ?? spec.localAddress6) : LOOPBACK;
  const asked = PROBE_KINDS.map(kind => [kind, spec[`${kind}Probe`]] as const).filter(
    (entry): entry is readonly [ProbeKind, Probe] => entry[1] !== undefined,
  );
  return Object.fromEntries(asked.map(([kind, probe]) => [kind, at(address ?? LOOPBACK, probe)]));
}

/** Tells whether two are the same; empty where nothing is asked. */
export function questionsId(questions: Questions): string {
  return Object.keys(questions).length === 0 ? '' : specHash(questions as unknown as JsonObject);
}

/** Tells whether two probes ask the same in the same way. */
export function questionId(probe: Probe): string {
  return specHash(probe as unknown as JsonObject);
}

/** What a probe has found of the run that is under way; null: there is no such probe. */
function resultOf(kind: ProbeKind, { spec }: Manifest, observed: Observed): ProbeResult | null {
  if (spec[`${kind}Probe`] === undefined) return null;
  const { probes, unit } = observed;
  return probes.invocationId === unit.invocationId ? probes[kind] : UNASKED;
}

/** Whether the guest has said what its startup probe asks; so has one that is not asked. */
function hasPassedStartup(manifest: Manifest, observed: Observed): boolean {
  return (resultOf('startup', manifest, observed)?.state ?? 'success') === 'success';
}

/** The last rung of the ladder of readiness. */
export function areProbesGood(manifest: Manifest, observed: Observed): boolean {
  const readiness = resultOf('readiness', manifest, observed)?.state ?? 'success';
  return hasPassedStartup(manifest, observed) && readiness === 'success';
}

/**
 * Whether a guest that is Ready has said so to what its manifest asks now, and that it lives; `badly`: its last word was
 * another one. What it said to other questions makes it Ready, and shows nothing of these.
 */
export function haveAnswered(manifest: Manifest, observed: Observed): 'well' | 'badly' | 'not yet' {
  const questions = questionsOf(manifest);
  const open = (['readiness', 'liveness'] as const).flatMap(kind => {
    const [probe, result] = [questions[kind], resultOf(kind, manifest, observed)];
    if (probe === undefined || result === null) return [];
    return result.state === 'success' && result.question === questionId(probe) ? [] : [result];
  });
  if (open.length === 0) return 'well';
  return open.some(({ detail }) => detail !== '') ? 'badly' : 'not yet';
}

/** Since when the probes of a run let it be Ready; null: no probe had a say. */
export function goodSince(manifest: Manifest, observed: Observed): number | null {
  const times = (['startup', 'readiness'] as const)
    .map(kind => resultOf(kind, manifest, observed)?.since ?? null)
    .filter(since => since !== null);
  return times.length === 0 ? null : Math.max(...times);
}

/** Which probe keeps a guest that has booted from being Ready; null: none. */
export function unreadyBecause(
  manifest: Manifest,
  observed: Observed,
): { readonly reason: string; readonly message: string } | null {
  for (const kind of ['startup', 'readiness'] as const) {
    const result = resultOf(kind, manifest, observed);
    if (result === null || result.state === 'success') continue;
    const said = result.detail === '' ? '' : `: ${result.detail}`;
    if (result.state === 'failure') return { reason: FAILED[kind], message: `its ${kind}Probe fails${said}` };
    return { reason: 'Starting', message: `its ${kind}Probe has not been good yet${said}` };
  }
  return null;
}

/** Why the guest has to end, by its own words or for want of them; null: it has not. */
export function failedProbe(manifest: Manifest, observed: Observed): string | null {
  for (const kind of ['startup', 'liveness'] as const) {
    const result = resultOf(kind, manifest, observed);
    const times = manifest.spec[`${kind}Probe`]?.failureThreshold ?? 1;
    if (result?.state === 'failure' && isAbout(kind, manifest, result))
      return `its ${kind}Probe failed${times > 1 ? ` ${times} times in a row` : ''}: ${result.detail}`;
    // Until it has started nobody has asked whether it lives.
    if (result !== null && result.state !== 'success' && kind === 'startup') return null;
  }
  return null;
}

/** Nobody is stopped for what it said to a question that is not asked any more. */
function isAbout(kind: ProbeKind, manifest: Manifest, { question }: ProbeResult): boolean {
  const probe = questionsOf(manifest)[kind];
  return probe !== undefined && questionId(probe) === question;
}

const LOOPBACK = '127.0.0.1';
const FAILED = { startup: 'StartupProbeFailed', readiness: 'ReadinessProbeFailed' } as const;

function at(address: string, { tcpSocket, httpGet, ...probe }: Probe): Probe {
  return {
    ...probe,
    ...(tcpSocket === undefined ? {} : { tcpSocket: { ...tcpSocket, host: tcpSocket.host ?? address } }),
    ...(httpGet === undefined ? {} : { httpGet: { ...httpGet, host: httpGet.host ?? address } }),
  };
}
