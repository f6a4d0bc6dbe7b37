import type { Manifest } from '../../api/manifest.ts';
import type { FailedUnits, UnitFacts } from '../../planning/observed.ts';
import type { ProbeFacts } from '../../planning/probe-facts.ts';
import { runState } from '../../planning/run-state.ts';
import { placeOfGuest } from '../guest-place.ts';
import { asking } from './ask.ts';
import { DegradedWatch } from './degraded-watch.ts';
import { askFailedUnits } from './failed-units.ts';
import { type ProbeRecords, Prober } from './prober.ts';
import { unitsMark } from './units-mark.ts';

/** All that running guests are asked, whoever wants to know. */
export class GuestQuestions {
  readonly prober: Prober;
  readonly #degraded: DegradedWatch;

  constructor(records: ProbeRecords, onTrigger: (name: string) => void) {
    this.prober = new Prober(records, asking(), onTrigger);
    this.#degraded = new DegradedWatch({ look, mark: unitsMark, onTrigger });
  }

  async facts(
    name: string,
    unit: UnitFacts,
    manifest: Manifest | null,
  ): Promise<{ readonly probes: ProbeFacts; readonly failedUnits: FailedUnits | null }> {
    const state = runState(unit);
    this.#degraded.noteBooting(name, state === 'starting');
    const hasSystemd = manifest !== null && manifest.spec.command === undefined;
    const invocationId = hasSystemd && state === 'up' ? unit.invocationId : null;
    return {
      probes: await this.prober.facts(name, unit),
      failedUnits: this.#degraded.facts(name, invocationId, unit.mainPid),
    };
  }

  lookAgain(name: string): Promise<void> {
    return this.#degraded.lookAgain(name);
  }

  stop(): void {
    this.prober.stop();
    this.#degraded.stop();
  }
}

async function look(name: string, mainPid: number): Promise<FailedUnits | null> {
  const place = await placeOfGuest(name, mainPid);
  return place === null ? null : askFailedUnits(place.leader);
}
