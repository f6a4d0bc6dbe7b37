import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NspawndError } from '../../../src/errors.ts';
import { type Bus, BusCallError, type BusSignal, type BusTarget } from '../../../src/host/bus.ts';
import { Machined } from '../../../src/host/machined.ts';
import { Systemd } from '../../../src/host/systemd.ts';
import { manifestOf, nothingYet } from '../planning/base-state.ts';

/** machined, behind a bus that does with each question what it is told. */
function machinedThat(...answers: readonly (() => never)[]) {
  const questions: { readonly member: string; readonly timeoutMs: number | undefined }[] = [];
  const bus = {
    call: async (_target: BusTarget, member: string, _s?: string, _b?: unknown, timeoutMs?: number) => {
      questions.push({ member, timeoutMs });
      return (answers[questions.length - 1] ?? noSuchMachine)();
    },
  } as unknown as Bus;
  const machined = new Machined(bus, new Systemd(bus));
  const unit = Promise.resolve(nothingYet(manifestOf('web', { root: '/srv' })).unit);
  return { questions, machined, look: () => machined.look('web', unit) };
}

const error = (type: string) => (): never => {
  throw new BusCallError({ destination: 'machined', path: '/', interface: 'm' }, 'GetAll', {
    type,
    text: 'why',
  });
};
const noSuchMachine = error('org.freedesktop.machine1.NoSuchMachine');
const died = error('org.freedesktop.DBus.Error.NoReply');
const failed = (code: 'BusTimeout' | 'BusUnavailable') => (): never => {
  throw new NspawndError(code, 'no answer');
};
const ownerChanged = (to: string): BusSignal => ({
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'NameOwnerChanged',
  body: ['org.freedesktop.machine1', '', to],
});

test('a machined that does not answer is waited for once, and not again by whoever looks next', async () => {
  const { questions, look } = machinedThat(failed('BusTimeout'));
  for (let looks = 0; looks < 3; looks++)
    assert.deepEqual(await look(), { machine: null, machinedFault: 'no answer' });
  assert.equal(questions.length, 1);
  assert.ok((questions[0]?.timeoutMs ?? Number.POSITIVE_INFINITY) <= 2000);
});

test('one that is refused a start is not asked again and again either, until it is heard of', async () => {
  const { questions, machined, look } = machinedThat(error('org.freedesktop.systemd1.UnitMasked'));
  assert.match((await look()).machinedFault ?? '', /why/);
  assert.equal(machined.isBack(ownerChanged('')), false);
  await look();
  assert.equal(questions.length, 1);
  assert.equal(machined.isBack(ownerChanged(':1.7')), true);
  assert.deepEqual(await look(), { machine: null, machinedFault: null });
  assert.equal(questions.length, 2);
  assert.equal(machined.isBack(ownerChanged(':1.8')), false, 'it was not away');
});

test('one that dies while it is asked is asked again at once, which starts it', async () => {
  const { questions, look } = machinedThat(died);
  assert.deepEqual(await look(), { machine: null, machinedFault: null });
  assert.equal(questions.length, 2);
});

test('a bus that is away is no fault of machined', async () => {
  const { look } = machinedThat(failed('BusUnavailable'));
  await assert.rejects(look(), { code: 'BusUnavailable' });
  assert.equal((await look()).machinedFault, null);
});
