import { StartGate } from '../../src/controller/start-gate.ts';

/**
 * Whether the look that begins now is one at a container for another's sake: whoever depends on it asks whether it is Ready.
 * Such a look decides nothing of the container that is looked at, whatever else is being decided of it meanwhile.
 */
export function isForAnothersSake(): boolean {
  return isAsking;
}

let isAsking = false;

const { ask } = StartGate.prototype;

StartGate.prototype.ask = function (manifest, observed, cause, readinessOf) {
  return ask.call(this, manifest, observed, cause, other => {
    isAsking = true;
    try {
      // Looks before it waits for anything.
      return readinessOf(other);
    } finally {
      isAsking = false;
    }
  });
};
