import assert from 'node:assert/strict';
import type { JsonObject, Manifest } from '../../../src/api/manifest.ts';
import { manifestSchema } from '../../../src/api/manifest.ts';
import { hasOwnNetwork } from '../../../src/api/own-network.ts';
import { specHash } from '../../../src/api/spec-hash.ts';
import { launchHash } from '../../../src/planning/change.ts';
import type { Desired } from '../../../src/planning/desired.ts';
import {
  type LinkFacts,
  NO_HISTORY,
  type Observed,
  type SandboxFacts,
} from '../../../src/planning/observed.ts';
import { NO_PROBES, type ProbeKind } from '../../../src/planning/probe-facts.ts';
import { questionId, questionsId, questionsOf } from '../../../src/planning/probes.ts';
import { RENDERER, type UnitPaths, unitText } from '../../../src/planning/render/unit.ts';

/**
 * A container as desired: its manifest, and a host on which it runs and nothing is left to do. Every case of the
 * planner's tests is this plus one change.
 */
export const NOW = Date.parse('2026-01-02T03:04:05Z');
export const INVOCATION = '0123456789abcdef0123456789abcdef';
export const EARLIER_INVOCATION = 'fedcba9876543210fedcba9876543210';

export const PATHS: UnitPaths = {
  fifo: '/run/nspawnd/startup/web',
  guestHosts: '/run/nspawnd/guest-hosts/web',
  endedDirectory: '/run/nspawnd/ended',
  runtimeDirectory: '/run/nspawnd',
  nixDirectory: '/var/lib/nspawnd/nix/web',
};

export const WEB_SPEC = {
  root: '/var/lib/machines/web',
  privateNetwork: true,
  hostAddress: '10.231.136.1',
  localAddress: '10.231.136.2',
} as const;

/** A manifest as the manifests room would hand it over: `written` is the spec as a person wrote it. */
export function manifestOf(name: string, written: JsonObject): Manifest {
  const { metadata, spec } = manifestSchema.parse({
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name },
    spec: written,
  });
  return {
    name,
    labels: metadata.labels,
    annotations: metadata.annotations,
    spec,
    written,
    specHash: specHash(written),
    place: { file: `/etc/nspawnd/manifests/${name}.yaml`, line: 1 },
  };
}

export function webManifest(changes: JsonObject = {}): Manifest {
  return manifestOf('web', { ...WEB_SPEC, ...changes });
}

export function present(manifest: Manifest): Extract<Desired, { state: 'present' }> {
  return {
    state: 'present',
    manifest,
    generation: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    problems: [],
  };
}

export const HOST: Observed['host'] = {
  bootId: 'b00710b0-0000-4000-8000-000000000001',
  isStopping: false,
  nspawnPath: '/usr/bin/systemd-nspawn',
  systemdVersion: 257,
  machineId: '00112233445566778899aabbccddeeff',
  guestCapacity: null,
};

/** The guest runs with exactly this manifest, is Ready for half an hour, and has never failed. */
export function runningAsDesired(manifest: Manifest = webManifest()): Observed {
  const startedAt = NOW - 1_800_000;
  const hasNetwork = hasOwnNetwork(manifest.spec);
  return {
    ...downAsDesired(manifest),
    unit: {
      ...INACTIVE_UNIT,
      activeState: 'active',
      subState: 'running',
      mainPid: 4242,
      invocationId: INVOCATION,
      startedAt,
      activeAt: startedAt + 500,
      stateChangedAt: startedAt + 500,
      jobCanceledAt: null,
    },
    process: {
      specHash: manifest.specHash,
      launchHash: launchHash(manifest),
      renderer: RENDERER,
      systemPath: '',
      hasFifo: manifest.spec.readiness === 'fifo',
    },
    machinedFault: null,
    machine: {
      isRegistered: true,
      leader: 4250,
      isLeaderAlive: true,
      state: 'running',
      root: manifest.spec.root,
      unit: `container@${manifest.name}.service`,
      id: 'a'.repeat(32),
      sharesIdWith: [],
    },
    ended: null,
    history: {
      ...NO_HISTORY,
      launch: { at: startedAt, isCounted: false },
      seenSpecHash: manifest.specHash,
    },
    fifo:
      manifest.spec.readiness === 'fifo'
        ? { exists: true, isListening: false, startedInvocationId: INVOCATION }
        : ABSENT_FIFO,
    probes: goodProbes(manifest),
    failedUnits: { names: [], more: 0 },
    sandbox: hasNetwork
      ? { ...sandboxAsDesired(manifest, true), builtAfter: '', isJoined: true, isPrivate: true }
      : { ...NO_SANDBOX, isJoined: null, isPrivate: false },
  };
}

/** Everything the manifest wants asked is asked, and was good at once. */
export function goodProbes(manifest: Manifest): Observed['probes'] {
  const questions = questionsOf(manifest);
  const good = (kind: ProbeKind) => {
    const question = questions[kind] === undefined ? '' : questionId(questions[kind]);
    return { state: 'success', detail: '', since: NOW - 1_799_000, question } as const;
  };
  const results = { startup: good('startup'), readiness: good('readiness'), liveness: good('liveness') };
  return { invocationId: INVOCATION, asked: questionsId(questions), ...results };
}

/** Down because a person stopped it, with everything prepared for its next start. */
export function downAsDesired(manifest: Manifest = webManifest()): Observed {
  const path = `/run/systemd/system/container@${manifest.name}.service`;
  const text = unitText(manifest, HOST, PATHS);
  return {
    name: manifest.name,
    now: NOW,
    lookedAt: NOW,
    host: HOST,
    unit: { ...INACTIVE_UNIT, fragmentPath: path },
    unitFile: { owner: 'ours', path, text },
    former: null,
    process: null,
    machine: null,
    machinedFault: null,
    ended: {
      invocationId: EARLIER_INVOCATION,
      specHash: manifest.specHash,
      isRequested: true,
      result: 'success',
      exitCode: 'exited',
      exitStatus: '0',
      at: NOW - 60_000,
      lastLines: [],
    },
    complaint: '',
    request: null,
    history: {
      ...NO_HISTORY,
      launch: { at: NOW - 120_000, isCounted: false },
      seenSpecHash: manifest.specHash,
    },
    suspension: null,
    hasMemory: true,
    root: { state: 'ready', realPath: manifest.spec.root, missing: [], detail: '' },
    fifo:
      manifest.spec.readiness === 'fifo'
        ? { exists: true, isListening: true, startedInvocationId: '' }
        : ABSENT_FIFO,
    probes: NO_PROBES,
    failedUnits: null,
    sandbox: hasOwnNetwork(manifest.spec)
      ? { ...sandboxAsDesired(manifest, false), builtAfter: EARLIER_INVOCATION }
      : NO_SANDBOX,
    guestHosts: manifest.spec.privateNetwork && manifest.spec.guestHosts ? 'present' : 'absent',
    leftoverCopies: [],
    nix: null,
    hasNixLeftovers: false,
    keptSystems: [],
  };
}

/** The host has never heard of it; only its root is there. */
export function nothingYet(manifest: Manifest = webManifest()): Observed {
  const down = downAsDesired(manifest);
  return {
    ...down,
    unit: { ...INACTIVE_UNIT, loadState: 'not-found', fragmentPath: '' },
    unitFile: { owner: 'none', path: down.unitFile.path, text: '' },
    ended: null,
    history: NO_HISTORY,
    hasMemory: false,
    fifo: ABSENT_FIFO,
    sandbox: NO_SANDBOX,
    guestHosts: 'absent',
  };
}

/** Down by itself: how the last run ended, with that end not yet counted. */
export function endedBy(
  end: Partial<NonNullable<Observed['ended']>>,
  manifest: Manifest = webManifest(),
): Observed {
  const down = downAsDesired(manifest);
  if (down.ended === null) throw new TypeError('the base state has a record of its end');
  return {
    ...down,
    unit: { ...down.unit, activeState: 'failed', subState: 'failed', result: 'exit-code' },
    ended: {
      ...down.ended,
      isRequested: false,
      result: 'exit-code',
      exitCode: 'exited',
      exitStatus: '1',
      ...end,
    },
  };
}

export const INACTIVE_UNIT: Observed['unit'] = {
  loadState: 'loaded',
  activeState: 'inactive',
  subState: 'dead',
  result: 'success',
  mainPid: 0,
  fragmentPath: '/run/systemd/system/container@web.service',
  dropInPaths: [],
  needsDaemonReload: false,
  hasJob: false,
  invocationId: '',
  startedAt: null,
  activeAt: null,
  stateChangedAt: null,
  jobCanceledAt: null,
};

export const ABSENT_FIFO: Observed['fifo'] = { exists: false, isListening: false, startedInvocationId: '' };

export const NO_SANDBOX: Observed['sandbox'] = {
  namespace: 'absent',
  builtAfter: null,
  isJoined: null,
  isPrivate: null,
  hostLink: null,
  guestLink: null,
  guard: [],
  macvlans: [],
  hostInterfaces: [],
  lent: [],
};

/** A guest's end that is there and can be read, and is otherwise as said. */
export function guestLinkWith(
  { guestLink }: SandboxFacts,
  change: (link: LinkFacts) => Partial<LinkFacts>,
): LinkFacts {
  assert.ok(guestLink !== null && guestLink !== 'unreadable');
  return { ...guestLink, ...change(guestLink) };
}

function sandboxAsDesired(manifest: Manifest, isRunning: boolean): Observed['sandbox'] {
  const { name, spec } = manifest;
  const hosts = [spec.hostAddress, spec.hostAddress6].filter(address => address !== undefined);
  const locals = [spec.localAddress, spec.localAddress6].filter(address => address !== undefined);
  const devices = {
    macvlans: spec.macvlans,
    hostInterfaces: [
      ...spec.macvlans.map(parent => ({ name: parent, state: 'present' as const, detail: '' })),
      ...spec.interfaces.map(given => ({
        name: given,
        state: isRunning ? ('missing' as const) : ('present' as const),
        detail: '',
      })),
    ],
    lent: isRunning ? spec.interfaces.map(given => ({ name: given, place: 'sandbox' as const })) : [],
  };
  if (!spec.privateNetwork) return { ...NO_SANDBOX, ...devices, namespace: 'ours' };
  const link = (side: string, addresses: readonly string[], routes: readonly string[]): LinkFacts => ({
    name: side,
    alias: `nspawnd:${name}`,
    isUp: true,
    addresses: addresses.map(address => `${address}/${address.includes(':') ? 128 : 32}`),
    routes,
    areSettingsRight: true,
  });
  return {
    ...NO_SANDBOX,
    ...devices,
    namespace: 'ours',
    hostLink: link(`ve-${name}`, hosts, locals),
    guestLink: link(
      'eth0',
      locals,
      hosts.flatMap(host => [host, `default via ${host}`]),
    ),
    guard: locals,
  };
}
