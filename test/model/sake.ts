import { AsyncLocalStorage } from 'node:async_hooks';
import { StartGate } from '../../src/controller/start-gate.ts';

/**
 * Whether the look that begins now is one at a container for another's sake: whoever depends on it asks whether it is Ready.
 * Such a look decides nothing of the container that is looked at, whatever else is being decided of it meanwhile.
 */
export function isForAnothersSake(): boolean {
  return asking.getStore() === true;
}

const asking = new AsyncLocalStorage<true>();

const { ask } = StartGate.prototype;

StartGate.prototype.ask = function (manifest, observed, cause, readinessOf) {
  return ask.call(this, manifest, observed, cause, other => asking.run(true, () => readinessOf(other)));
};
