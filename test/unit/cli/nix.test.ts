import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition } from '../../../src/api/condition.ts';
import type { Container } from '../../../src/api/container.ts';
import { judgeSystem } from '../../../src/cli/command/change-system.ts';
import { ControlModel, makeContainer } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { hangingNspawnd } from './hanging-nspawnd.ts';
import { nspawnctl } from './nspawnctl.ts';

const ASKED = '2026-01-01T00:00:05.000Z';
const EARLIER = '2026-01-01T00:00:04.000Z';
const A = '/nix/store/a-system';
const B = '/nix/store/b-system';

/** Updated, running what it was updated to; plus one change. */
function container(
  status: Partial<Container['status']> = {},
  conditions: readonly Partial<Condition>[] = [],
): Container {
  const made = makeContainer('web', '1', { phase: 'Running', ready: 'True', leader: 7 });
  const nix = { closure: B, generation: 2, runningClosure: B, updateRequestedAt: ASKED };
  return {
    ...made,
    status: {
      ...made.status,
      nix,
      ...status,
      conditions: [...made.status.conditions, ...(conditions as Condition[])],
    },
  };
}

describe('how far an update has come', () => {
  const check = (now: Container | null, expected: string, verb: 'update' | 'reload' = 'update') => {
    const verdict = judgeSystem(verb, ASKED, now);
    assert.equal(verdict.is === 'failed' ? verdict.reason : verdict.is, expected);
  };
  it('done, when it was taken up and nothing is waited for', () => check(container(), 'done'));
  it('underway, while it was not taken up', () => {
    check(container({ nix: { closure: A } }), 'underway');
    check(container({ nix: { closure: A, updateRequestedAt: EARLIER } }), 'underway');
  });
  it('underway, while anything is waited for', () => {
    check(container({ waitingFor: 'Nix builds its system' }), 'underway');
  });
  it('failed, when the system is not to be had', () => {
    check(container({}, [{ type: 'RootReady', status: 'False', reason: 'BuildFailed' }]), 'BuildFailed');
    check(
      container({ waitingFor: 'next try' }, [
        { type: 'Reconciling', status: 'True', reason: 'BuildBackOff' },
      ]),
      'BuildBackOff',
    );
  });
  it('failed, when the guest could not be switched', () => {
    const conditions = [{ type: 'RestartRequired', status: 'True', reason: 'SwitchFailed' } as const];
    check(container({}, conditions), 'SwitchFailed');
  });
  it('done, when the guest was to be left alone', () => {
    check(container({}, [{ type: 'RestartRequired', status: 'True', reason: 'NewSystem' }]), 'done');
  });
  it('failed, when it is gone', () => check(null, 'Removed'));
  it('of a reload is what the switch says', () => {
    const { nix } = container().status;
    const switched = (isGood: boolean, time: string) =>
      container({ nix: { ...nix, lastSwitch: { closure: B, isGood, how: '', output: '', time } } });
    check(switched(true, ASKED), 'done', 'reload');
    check(switched(false, ASKED), 'SwitchFailed', 'reload');
    check(switched(true, EARLIER), 'NotRunning', 'reload');
  });
});

describe('update, rollback and generations', { concurrency: 4 }, () => {
  const start = async (t: Parameters<typeof serve>[0]) => {
    const control = new ControlModel();
    control.putRunning('web');
    control.updateAnswer = { isAccepted: true, requestedAt: ASKED, generation: 1 };
    control.onUpdate = () =>
      control.replace(container({ waitingFor: 'Nix builds its system: \u001b[31mred' }));
    const { rootSocket } = await serve(t, { control });
    const run = (args: readonly string[], onErr?: () => void) =>
      nspawnctl(['--socket', rootSocket, ...args], undefined, onErr);
    return { control, run, ctl: (...args: string[]) => run(args) };
  };

  it('wait until it has happened, and tell on the way', async t => {
    const { control, run } = await start(t);
    const { code, out, err } = await run(['update', 'web'], () => control.replace(container()));
    assert.deepEqual([code, out], [0, `container/web updated: generation 2, ${B}\n`]);
    assert.equal(err, 'container/web: Nix builds its system: \\x1b[31mred\n');
  });

  it('give up after the time-out, and do not wait when told so', async t => {
    const { ctl } = await start(t);
    const late = await ctl('rollback', 'web', '--timeout', '500ms');
    assert.equal(late.code, 124);
    assert.match(late.err, /rollback of web is not done after/);
    const asked = await ctl('rollback', 'web', '--no-wait', '--to', '1');
    assert.deepEqual([asked.code, asked.out], [0, 'container/web rollback to generation 1 requested\n']);
  });

  it('give up with 124 also when the time is over before nspawnd has said how it is', async t => {
    const list = { kind: 'ContainerList', metadata: { resourceVersion: '1' }, items: [container()] };
    const asked = { kind: 'ContainerUpdate', requestedAt: ASKED, generation: null };
    const socket = await hangingNspawnd(t, number => [list, asked][number] ?? null);
    const { code, err } = await nspawnctl(['--socket', socket, 'update', 'web', '--timeout', '100ms']);
    assert.equal(code, 124);
    assert.match(err, /^nspawnctl: update of web is not done after/);
  });

  it('refuse what is no number, no container, or made by no Nix', async t => {
    const { control, ctl } = await start(t);
    assert.equal((await ctl('rollback', 'web', '--to', 'x')).code, 2);
    assert.equal((await ctl('update', 'wbe')).code, 66);
    assert.equal((await ctl('generations', 'wbe')).code, 66);
    control.updateAnswer = { isAccepted: false, because: 'web has no system made by Nix' };
    assert.equal((await ctl('update', 'web')).code, 78);
  });

  it('show the generations, with the one that runs', async t => {
    const { control, ctl } = await start(t);
    control.replace(container({ nix: { closure: B, generation: 2, runningClosure: A } }));
    const generation = (number: number, closure: string, isCurrent: boolean) => ({
      ...{ number, closure, isCurrent },
      createdAt: '2026-01-02T03:04:05.678Z',
    });
    control.generationsOf.set('web', [generation(1, A, false), generation(2, B, true)]);
    assert.equal(
      (await ctl('generations', 'web')).out,
      'GENERATION   DATE                  STATE     CLOSURE\n' +
        `1            2026-01-02 03:04:05   running   ${A}\n` +
        `2            2026-01-02 03:04:05   current   ${B}\n`,
    );
    assert.match((await ctl('generations', 'web', '-o', 'json')).out, /"kind": "GenerationList"/);
  });
});
