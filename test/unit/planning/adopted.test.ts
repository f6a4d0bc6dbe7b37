import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADOPTED_FROM_ANNOTATION } from '../../../src/api/adopted.ts';
import { findCondition } from '../../../src/api/condition.ts';
import type { Manifest } from '../../../src/api/manifest.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import { plan } from '../../../src/planning/planner.ts';
import { summarize } from '../../../src/planning/summarize.ts';
import {
  EARLIER_INVOCATION,
  INVOCATION,
  NOW,
  nothingYet,
  PATHS,
  present,
  webManifest,
} from './base-state.ts';
import { checkPlan } from './check-plan.ts';

const NSPAWN = 'systemd-nspawn@web.service';
const NIXOS = 'container@web.service';
const TEMPLATE = '/etc/systemd/system/container@.service';

const adopting = (unit: string): Manifest => ({
  ...webManifest(),
  annotations: { [ADOPTED_FROM_ANNOTATION]: unit },
});
const machineIn = (unit: string): Observed['machine'] => ({
  isRegistered: true,
  leader: 77,
  isLeaderAlive: true,
  state: 'running',
  root: '/var/lib/machines/web',
  unit,
  id: 'a'.repeat(32),
  sharesIdWith: [],
});

/** A container that runs in systemd's own unit, as before it had a manifest. */
function inNspawnUnit(change: Partial<Observed> = {}): Observed {
  return {
    ...nothingYet(),
    former: { unit: NSPAWN, activeState: 'active' },
    machine: machineIn(NSPAWN),
    ...change,
  };
}

/** A container that runs in a unit of our name, from a definition of NixOS'. */
function inTemplateUnit(change: Partial<Observed['unit']> = {}, more: Partial<Observed> = {}): Observed {
  const observed = nothingYet();
  const unit: Observed['unit'] = {
    ...observed.unit,
    loadState: 'loaded',
    activeState: 'active',
    mainPid: 4242,
    invocationId: INVOCATION,
    startedAt: NOW - 1000,
    activeAt: NOW - 900,
    fragmentPath: TEMPLATE,
    ...change,
  };
  return { ...observed, unit, machine: machineIn(NIXOS), ...more };
}

const request = (verb: 'start' | 'stop' | 'restart', invocationId = ''): Observed['request'] => ({
  verb,
  invocationId,
  reason: `nspawnctl ${verb}`,
  at: NOW,
});
const LAUNCH = [
  'buildSandbox ve-web [10.231.136.1/32] <-> eth0 [10.231.136.2/32] (there is no namespace)',
  'writeGuestHosts (the guest is to know the others by name)',
  'writeUnit (there is no unit)',
];

describe('a guest that runs in the unit that its manifest was made from', () => {
  test('is left alone', () => {
    checkPlan(present(adopting(NSPAWN)), inNspawnUnit(), []);
    checkPlan(present(adopting(NIXOS)), inTemplateUnit(), []);
    checkPlan(
      present(adopting(NIXOS)),
      inTemplateUnit({ fragmentPath: '/etc/systemd/system/container@web.service' }),
      [],
    );
  });
  test('is stopped by request only, in its unit', () => {
    for (const verb of ['stop', 'restart'] as const) {
      checkPlan(present(adopting(NSPAWN)), inNspawnUnit({ request: request(verb) }), [
        `stopFormer ${NSPAWN} (nspawnctl ${verb})`,
        'waiting for Stopping',
      ]);
      checkPlan(present(adopting(NIXOS)), inTemplateUnit({}, { request: request(verb, INVOCATION) }), [
        `stop (nspawnctl ${verb})`,
        'waiting for Stopping',
      ]);
    }
    checkPlan(present(adopting(NSPAWN)), inNspawnUnit({ request: request('start') }), [
      'clearRequest (it runs)',
    ]);
    checkPlan(
      present(adopting(NIXOS)),
      inTemplateUnit({}, { request: request('restart', EARLIER_INVOCATION) }),
      ['clearRequest (it runs)'],
    );
  });
  test('is waited for while it stops', () => {
    const former = { unit: NSPAWN, activeState: 'deactivating' as const };
    checkPlan(present(adopting(NSPAWN)), inNspawnUnit({ former }), ['waiting for Stopping']);
  });
  test('is not stopped for a restart that could not be', () => {
    const root = { ...nothingYet().root, state: 'missing' as const };
    checkPlan(present(adopting(NSPAWN)), inNspawnUnit({ request: request('restart'), root }), [
      'stalled by RootMissing',
    ]);
    const instance = '/etc/systemd/system/container@web.service';
    checkPlan(
      present(adopting(NIXOS)),
      inTemplateUnit({ fragmentPath: instance }, { request: request('restart', INVOCATION) }),
      ['stalled by UnitShadowed'],
    );
  });
  test('is run by nspawnd from its next start on', () => {
    const former = { unit: NSPAWN, activeState: 'inactive' as const };
    checkPlan(present(adopting(NSPAWN)), inNspawnUnit({ former, machine: null }), [
      ...LAUNCH,
      'launch first SPEC (it has not run since boot)',
      'waiting for Starting',
    ]);
    const down = { activeState: 'inactive' as const, mainPid: 0, activeAt: null };
    checkPlan(
      present(adopting(NIXOS)),
      inTemplateUnit(down, { machine: null, request: request('restart', INVOCATION) }),
      [
        ...LAUNCH,
        'launch asked SPEC (nspawnctl restart)',
        'clearRequest (it was launched)',
        'waiting for Starting',
      ],
    );
  });
  test('is Ready, with a word on how to hand it over', () => {
    for (const [unit, observed] of [
      [NSPAWN, inNspawnUnit()],
      [NIXOS, inTemplateUnit()],
    ] as const) {
      const desired = present(adopting(unit));
      const summary = summarize(desired, observed, plan(desired, observed, PATHS), { error: null });
      assert.equal(summary.phase, 'Running');
      const found = ['Ready', 'Running', 'NetworkReady', 'RestartRequired'].map(type => {
        const condition = findCondition(summary.conditions, type as 'Ready');
        return `${type}=${condition?.status}/${condition?.reason}`;
      });
      assert.deepEqual(found, [
        'Ready=True/Adopted',
        'Running=True/Adopted',
        'NetworkReady=Unknown/Adopted',
        'RestartRequired=True/Adopted',
      ]);
      assert.match(
        findCondition(summary.conditions, 'RestartRequired')?.message ?? '',
        /nspawnctl restart web$/,
      );
    }
  });
});

describe('a guest that somebody else runs is not taken for ours', () => {
  test('without a word of it in the manifest', () => {
    checkPlan(present(webManifest()), inNspawnUnit({ former: null }), ['stalled by MachineExists']);
    checkPlan(present(webManifest()), inTemplateUnit(), ['stalled by UnitShadowed']);
  });
  test('where the manifest names another unit', () => {
    for (const unit of ['systemd-nspawn@other.service', 'sshd.service', '', NIXOS])
      checkPlan(present(adopting(unit)), inNspawnUnit({ former: null }), ['stalled by MachineExists']);
    checkPlan(present(adopting(NSPAWN)), inTemplateUnit(), ['stalled by UnitShadowed']);
  });
  test('nor removed with a manifest', () => {
    checkPlan({ state: 'absent' }, inNspawnUnit({ former: null }), []);
    checkPlan({ state: 'absent' }, inTemplateUnit(), []);
  });
});

test('a definition for all containers is not in the way of one of our own', () => {
  const down = { activeState: 'inactive' as const, mainPid: 0, activeAt: null, startedAt: null };
  checkPlan(present(webManifest()), inTemplateUnit(down, { machine: null }), [
    ...LAUNCH,
    'launch first SPEC (it has not run since boot)',
    'waiting for Starting',
  ]);
});
