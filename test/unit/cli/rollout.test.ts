import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition } from '../../../src/api/condition.ts';
import type { Container } from '../../../src/api/container.ts';
import type { Revision } from '../../../src/api/revision.ts';
import { judgeRollout } from '../../../src/cli/command/rollout-verdict.ts';
import { ControlModel, makeContainer } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { NOW, nspawnctl } from './nspawnctl.ts';

const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1000).toISOString();

const REVISIONS: readonly Revision[] = [
  {
    revision: 1,
    specHash: 'v1-1',
    spec: { root: '/srv/old' },
    acceptedAt: at(3600),
    readyAt: at(3500),
    isInForce: false,
    isInManifest: false,
  },
  {
    revision: 2,
    specHash: 'v1-2',
    spec: { root: '/srv/web' },
    acceptedAt: at(600),
    readyAt: at(580),
    isInForce: true,
    isInManifest: false,
  },
  {
    revision: 3,
    specHash: 'v1-3',
    spec: { root: '/srv/bad' },
    acceptedAt: at(90),
    rejected: { at: at(60), because: 'it failed 3 times: \u001b[31mred\nlast words' },
    isInForce: false,
    isInManifest: true,
  },
];

type State = NonNullable<Container['status']['rollout']>['state'];

/** Ready, and this far; plus what else is said. */
function container(
  state: State,
  conditions: readonly Partial<Condition>[] = [],
  phase = 'Running',
): Container {
  const ready = phase === 'Running' ? 'True' : 'False';
  const made = makeContainer('web', '1', { phase: phase as 'Running', ready, leader: 7 });
  return {
    ...made,
    status: {
      ...made.status,
      rollout: { revision: 2, state },
      conditions: [...made.status.conditions, ...(conditions as Condition[])],
    },
  };
}

const ROLLED_BACK = {
  type: 'RolledBack',
  status: 'True',
  reason: 'NotReadyInTime',
  message: 'no good',
} as const;

describe('how far an edited spec has come', () => {
  const check = (now: Container | null, expected: string) => {
    const verdict = judgeRollout(now);
    assert.equal(verdict.is === 'failed' ? verdict.message : verdict.is, expected);
  };
  it('done, when it has shown that it works', () => check(container('Complete'), 'done'));
  it('underway, while it is only Ready, or not even that', () => {
    check(container('Progressing'), 'underway');
    check(container('Progressing', [], 'BackOff'), 'underway');
    check(container('Complete', [], 'BackOff'), 'underway');
  });
  it('failed, when it was given up, is not valid, or stays down', () => {
    check(container('RolledBack', [ROLLED_BACK]), 'no good');
    const invalid = container('Complete');
    const conditions = invalid.status.conditions.map(found =>
      found.type === 'ManifestValid' ? { ...found, status: 'False' as const, message: 'not YAML' } : found,
    );
    const others = conditions.some(({ type }) => type === 'ManifestValid')
      ? conditions
      : [
          ...conditions,
          { ...ROLLED_BACK, type: 'ManifestValid', status: 'False', message: 'not YAML' } as never,
        ];
    check({ ...invalid, status: { ...invalid.status, conditions: others } }, 'not YAML');
    const verdict = judgeRollout(container('Progressing', [], 'Stopped'));
    assert.equal(verdict.is, 'failed');
  });
  it('failed, when it runs with the system it had, and only a person can bring it the other', () => {
    const is = { status: 'True', message: 'no good' } as const;
    check(
      container('Progressing', [{ ...is, type: 'Stalled', reason: 'BuildFailed' }]),
      'BuildFailed: no good',
    );
    const left = { ...is, type: 'RestartRequired' } as const;
    check(container('Progressing', [{ ...left, reason: 'SwitchFailed' }]), 'SwitchFailed: no good');
    check(container('Progressing', [{ ...left, reason: 'NewSystem' }]), 'underway');
  });
  it('failed, when it is gone', () => check(null, 'its manifest is gone, and so is the container'));
  it('stuck is no end: it is tried on', () => {
    check(container('Progressing', [{ ...ROLLED_BACK, status: 'False' }], 'BackOff'), 'underway');
  });
});

describe('rollout', { concurrency: 4 }, () => {
  const start = async (t: Parameters<typeof serve>[0], now: Container = container('Progressing')) => {
    const control = new ControlModel();
    control.replace(now);
    control.revisionsOf.set('web', REVISIONS);
    const { rootSocket, readSocket } = await serve(t, { control });
    const run = (args: readonly string[], onErr?: () => void) =>
      nspawnctl(['--socket', rootSocket, 'rollout', ...args], undefined, onErr);
    return { control, readSocket, run, ctl: (...args: string[]) => run(args) };
  };

  it('status waits until it works, after a look at the file', async t => {
    const { control, ctl } = await start(t);
    const waiting = ctl('status', 'web', '--timeout', '20s');
    setTimeout(() => control.replace(container('Complete')), 100);
    const { code, out, err } = await waiting;
    assert.deepEqual([code, out, err], [0, 'container/web successfully rolled out\n', '']);
    assert.deepEqual(control.reconciled, ['web']);
  });

  it('status says that it does not work, or not yet', async t => {
    const { control, ctl } = await start(t);
    const waiting = ctl('status', 'web', '--timeout', '20s');
    setTimeout(() => control.replace(container('RolledBack', [ROLLED_BACK])), 100);
    const failed = await waiting;
    assert.equal(failed.code, 1);
    assert.match(failed.err, /web is not rolled out: no good/);
    control.replace(container('Progressing', [], 'Starting'));
    const once = await ctl('status', 'web', '--no-watch');
    assert.deepEqual([once.code, /is not rolled out yet: Starting/.test(once.out)], [1, true]);
    const late = await ctl('status', 'web', '--timeout', '300ms');
    assert.equal(late.code, 124);
    assert.match(late.err, /web: after 300ms it is not rolled out: Starting/);
    assert.equal((await ctl('status', 'wbe')).code, 66);
  });

  it('status is for those who may only read, too', async t => {
    const { readSocket } = await start(t, container('Complete'));
    const { code, out } = await nspawnctl(['--socket', readSocket, 'rollout', 'status', 'web']);
    assert.deepEqual([code, out], [0, 'container/web successfully rolled out\n']);
  });

  it('history shows what became of each, and the spec of one', async t => {
    const { ctl } = await start(t);
    const { code, out } = await ctl('history', 'web');
    assert.equal(code, 0);
    assert.equal(
      out,
      'REVISION   SPEC-HASH   ACCEPTED   STATE      WHY\n' +
        '1          v1-1        60m ago    WasReady\n' +
        '2          v1-2        10m ago    InForce\n' +
        '3          v1-3        90s ago    Rejected   it failed 3 times: \\x1b[31mred\n',
    );
    assert.equal((await ctl('history', 'web', '--revision', '3')).out, 'root: /srv/bad\n');
    const list = JSON.parse((await ctl('history', 'web', '-o', 'json')).out) as { readonly items: unknown };
    assert.deepEqual(list.items, REVISIONS);
    assert.equal((await ctl('history', 'web', '--revision', '9')).code, 66);
    assert.equal((await ctl('history', 'wbe')).code, 66);
  });

  it('undo and retry are passed on, and refused with the reason', async t => {
    const { control, ctl } = await start(t);
    control.rolloutAnswer = { is: 'done', specHash: 'v1-2', file: '/etc/web\u001b.yaml' };
    const undone = await ctl('undo', 'web');
    assert.deepEqual([undone.code, undone.out], [0, 'container/web undone: /etc/web\\x1b.yaml\n']);
    await ctl('undo', 'web', '--to-revision', '1');
    assert.equal((await ctl('retry', 'web')).code, 0);
    assert.deepEqual(
      control.rollouts.map(({ verb, to }) => [verb, to]),
      [
        ['undo', null],
        ['undo', 1],
        ['retry', null],
      ],
    );
    control.rolloutAnswer = { is: 'refused', message: 'web belongs to a git checkout' };
    const refused = await ctl('undo', 'web');
    assert.equal(refused.code, 78);
    assert.match(refused.err, /belongs to a git checkout/);
    assert.equal((await ctl('undo', 'web', '--to-revision', 'x')).code, 2);
    assert.equal((await ctl('undo', 'wbe')).code, 66);
    assert.equal((await ctl('retry', 'wbe')).code, 66);
  });
});
