import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventOf } from '../../../src/controller/step-events.ts';
import { sandboxSpec } from '../../../src/planning/sandbox.ts';
import { step } from '../../../src/planning/step.ts';
import { downAsDesired, runningAsDesired, webManifest } from '../planning/base-state.ts';

describe("the event of a guest's network", () => {
  const observed = runningAsDesired();
  const sandbox = sandboxSpec(webManifest(), observed.sandbox);
  const build = (isEdited: boolean) =>
    step('buildSandbox', { sandbox, keepNamespace: true, after: '', isEdited }, 'stale address');

  it('is a warning when something has damaged it', () => {
    assert.equal(eventOf(build(false), observed)?.type, 'Warning');
    assert.equal(eventOf(build(false), observed)?.reason, 'NetworkMended');
  });
  it('is none when the manifest was edited', () => {
    assert.equal(eventOf(build(true), observed)?.type, 'Normal');
    assert.equal(eventOf(build(true), observed)?.reason, 'NetworkChanged');
  });
  it('is not there while nothing runs in it', () => {
    assert.equal(eventOf(build(true), downAsDesired()), null);
  });
});
