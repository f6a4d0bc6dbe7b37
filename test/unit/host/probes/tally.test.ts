import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Probe } from '../../../../src/api/probe-fields.ts';
import { bad, GOOD, notAsked } from '../../../../src/host/probes/answer.ts';
import { count, tallyOf } from '../../../../src/host/probes/tally.ts';
import { UNASKED } from '../../../../src/planning/probe-facts.ts';

/** The states after each answer: `+` good, `-` bad, `?` not asked. */
function states(answers: string, thresholds: Partial<Probe>, before = UNASKED): string {
  const probe = { successThreshold: 1, failureThreshold: 3, ...thresholds } as Probe;
  let tally = tallyOf(before);
  return [...answers]
    .map((answer, index) => {
      tally = count(
        tally,
        answer === '+' ? GOOD : answer === '-' ? bad('no') : notAsked('broken'),
        probe,
        'asked',
        index,
      );
      return tally.result.state[0];
    })
    .join('');
}

test('is unknown until so many answers in a row are good, or bad', () => {
  assert.equal(states('+', {}), 's');
  assert.equal(states('--+', {}), 'uus');
  assert.equal(states('---', {}), 'uuf');
  assert.equal(states('++-++', { successThreshold: 2 }), 'sssss'.replace(/^s/, 'u'));
  assert.equal(states('-', { failureThreshold: 1 }), 'f');
});

test('stays what it is until as many say otherwise', () => {
  assert.equal(states('+--+---', {}), 'ssssssf');
  assert.equal(states('---+-+', { successThreshold: 2 }), 'uuffff');
  const before = { state: 'success', detail: '', since: 1, question: '' } as const;
  assert.equal(states('--', {}, before), 'ss');
  assert.equal(states('---', {}, before), 'ssf');
});

test('is not changed by what could not be asked', () => {
  assert.equal(states('--?-', {}), 'uuuf');
  assert.equal(states('+???????', { failureThreshold: 1 }), 'ssssssss');
});

test('knows since when, and what the last bad answer said', () => {
  const probe = { successThreshold: 1, failureThreshold: 1 } as Probe;
  const first = count(tallyOf(UNASKED), bad('one'), probe, 'asked', 100);
  assert.deepEqual(first.result, { state: 'failure', detail: 'one', since: 100, question: 'asked' });
  assert.deepEqual(count(first, bad('two'), probe, 'asked', 200).result, {
    state: 'failure',
    detail: 'two',
    since: 100,
    question: 'asked',
  });
  assert.deepEqual(count(first, GOOD, probe, 'asked', 300).result, {
    state: 'success',
    detail: '',
    since: 300,
    question: 'asked',
  });
});

test('answers another question only when that was answered often enough', () => {
  const probe = { successThreshold: 1, failureThreshold: 2 };
  const before = { state: 'success', detail: '', since: 1, question: 'old' } as const;
  const first = count(tallyOf(before), bad('no'), probe, 'new', 2);
  assert.deepEqual(first.result, { ...before, detail: 'no' });
  assert.deepEqual(count(first, bad('no'), probe, 'new', 3).result, {
    state: 'failure',
    detail: 'no',
    since: 3,
    question: 'new',
  });
  assert.equal(count(first, GOOD, probe, 'new', 3).result.question, 'new');
});
