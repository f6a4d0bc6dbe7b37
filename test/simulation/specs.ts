import type { JsonObject } from '../../src/api/manifest.ts';
import { PROBE_KINDS, type ProbeKind } from '../../src/planning/probe-facts.ts';
import type { Random } from '../model/random.ts';

/** Any spec that may stand beside any other that this makes: addresses and interfaces are one container's alone. */
export function randomSpec(names: readonly string[], number: number, random: Random): JsonObject {
  const name = names[number] ?? '';
  const has = (chance: number, fields: () => JsonObject): JsonObject =>
    random.chance(chance) ? fields() : {};
  return {
    root: `/var/lib/machines/${name}`,
    ...has(0.6, () => ({
      privateNetwork: true,
      ...has(0.8, () => ({ hostAddress: '10.0.0.1' })),
      ...has(0.9, () => ({ localAddress: `10.0.${random.below(2)}.${number + 2}` })),
      ...has(0.2, () => ({ hostAddress6: 'fd00::1', localAddress6: `fd00::${number + 2}` })),
      ...has(0.2, () => ({ hostsAlias: true })),
      ...has(0.1, () => ({ guestHosts: false })),
    })),
    ...has(0.1, () => ({ macvlans: ['eth1'] })),
    ...(number === 0 ? has(0.15, () => ({ interfaces: ['eth2'] })) : {}),
    ...has(0.15, () => ({ autoStart: false })),
    ...has(0.15, () => ({ restartIfChanged: false })),
    ...has(0.2, () =>
      random.pick<JsonObject>([
        { path: `/srv/${name}` },
        { flake: '/etc/nixos' },
        { config: `{ ${random.below(3)} }` },
      ]),
    ),
    ...has(0.25, () => ({ readiness: 'fifo' })),
    ...has(0.2, () =>
      random.pick<JsonObject>([{ volatile: 'state' }, { volatile: 'overlay' }, { ephemeral: true }]),
    ),
    ...has(0.4, () => ({ restartPolicy: random.pick(['Always', 'Never']) })),
    ...has(0.1, () => ({ priority: random.below(3) })),
    // Only on those before it, so that nobody waits in a circle.
    ...(number === 0 ? {} : has(0.25, () => ({ dependsOn: [names[random.below(number)] ?? ''] }))),
    ...has(0.1, () => ({ rollback: false })),
    ...has(0.3, () => ({ environment: { A: String(random.below(3)) } })),
    ...has(0.3, () => ({ timeoutStopSec: random.pick([5, 30]) })),
    ...has(0.3, () => ({ timeoutStartSec: random.pick([5, 30]) })),
  };
}

const PROBES = PROBE_KINDS.map(kind => `${kind}Probe` as const);

/** The same with some probes, which ask something that was not asked before. */
export function withProbes(spec: JsonObject, random: Random): JsonObject {
  const probes = PROBES.filter(() => random.chance(0.4)).map(field => [field, probe(random)] as const);
  return { ...withoutProbes(spec), ...Object.fromEntries(probes) };
}

export function withoutProbes(spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([field]) => !isProbe(field)));
}

/** The same with this one of its probes another one. */
export function withProbe(spec: JsonObject, kind: ProbeKind, random: Random, word: string): JsonObject {
  return { ...spec, [`${kind}Probe`]: probe(random, word) };
}

function probe(random: Random, word = 'ask'): JsonObject {
  return { exec: { command: ['/bin/ask', `${word} ${random.below(1_000_000)}`] }, failureThreshold: 1 };
}

function isProbe(field: string): boolean {
  return PROBES.some(known => known === field);
}

function hasProbe(spec: JsonObject): boolean {
  return Object.keys(spec).some(isProbe);
}

/** The same, changed in one thing that a running guest need not be restarted for. */
export function editedLive(spec: JsonObject, random: Random): JsonObject {
  if (hasProbe(spec) && random.chance(0.5)) return withProbes(spec, random);
  const seconds = 60 + random.below(1000);
  return { ...spec, timeoutStopSec: seconds === spec.timeoutStopSec ? seconds + 1 : seconds };
}

/** The same, changed in one thing that takes a restart. */
export function editedHard(spec: JsonObject, random: Random): JsonObject {
  return { ...spec, environment: { A: `edit ${random.below(1_000_000)}` }, restartIfChanged: true };
}

/** A word with which no guest boots, and no probe is answered well. */
export const DOOM = 'of no use';

/** The same, changed so that it does not work. */
export function editedToFail(spec: JsonObject, random: Random): JsonObject {
  if (hasProbe(spec) && random.chance(0.5)) return withProbe(spec, random.pick(PROBE_KINDS), random, DOOM);
  return { ...editedHard(spec, random), environment: { A: `${DOOM} ${random.below(1_000_000)}` } };
}

/** What a running guest does not notice; a table of its own, so that it agrees with nobody's by accident. */
const LIVE = [
  'update autoStart restartPolicy restartIfChanged hostAddress localAddress hostAddress6 localAddress6',
  'timeoutStartSec timeoutStopSec hostsAlias path config flake priority dependsOn rollback',
  'startupProbe readinessProbe livenessProbe',
].flatMap(line => line.split(' '));

/** What of a spec a running guest was started with, and would have to be started again for. */
export function launchedWith(spec: JsonObject): string {
  const known = launches.get(spec) ?? launchFieldsOf(spec);
  launches.set(spec, known);
  return known;
}

/** Asked for at every look at a guest that runs. */
const launches = new WeakMap<JsonObject, string>();

function launchFieldsOf(spec: JsonObject): string {
  const isByNix = ['path', 'config', 'flake'].some(field => spec[field] !== undefined);
  const fields = Object.entries(spec).filter(([field]) => !LIVE.includes(field));
  return JSON.stringify([isByNix, ...fields.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** The spec that a unit was made from, as it says itself. */
export function specOf(text: string): JsonObject | null {
  const known = specs.get(text);
  if (known !== undefined) return known;
  const line = /^Spec=(.*)$/m.exec(text)?.[1];
  const spec = line === undefined ? null : (JSON.parse(Buffer.from(line, 'base64').toString()) as JsonObject);
  if (specs.size > 1000) specs.clear();
  specs.set(text, spec);
  return spec;
}

const specs = new Map<string, JsonObject | null>();
