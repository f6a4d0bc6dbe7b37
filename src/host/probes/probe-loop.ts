import type { Probe } from '../../api/probe-fields.ts';
import { messageOf } from '../../errors.ts';
import type { ProbeResult } from '../../planning/probe-facts.ts';
import { questionId } from '../../planning/probes.ts';
import { type Answer, notAsked } from './answer.ts';
import { count, type Tally, tallyOf } from './tally.ts';

/** One probe of one run, asked again and again until it is told to end. */
export class ProbeLoop {
  readonly #probe: Probe;
  readonly #question: string;
  readonly #ask: (probe: Probe, signal: AbortSignal) => Promise<Answer>;
  readonly #onResult: (result: ProbeResult) => Promise<boolean>;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #tally: Tally;

  /** `onResult` hears of every answer, and says whether to go on. */
  constructor(
    probe: Probe,
    before: ProbeResult,
    ask: (probe: Probe, signal: AbortSignal) => Promise<Answer>,
    onResult: (result: ProbeResult) => Promise<boolean>,
  ) {
    this.#probe = probe;
    this.#question = questionId(probe);
    this.#tally = tallyOf(before);
    this.#ask = ask;
    this.#onResult = onResult;
  }

  begin(afterMs: number): void {
    this.#timer = setTimeout(() => void this.#turn(), Math.max(0, afterMs));
  }

  /** Also what is being asked at the moment. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #turn(): Promise<void> {
    const { signal } = this.#abort;
    const startedAt = performance.now();
    const answer = await this.#ask(this.#probe, signal).catch(error => notAsked(messageOf(error)));
    if (signal.aborted) return;
    this.#tally = count(this.#tally, answer, this.#probe, this.#question, Date.now());
    const goesOn = await this.#onResult(this.#tally.result);
    if (signal.aborted || !goesOn) return;
    // From beginning to beginning; one that took longer than its period is followed by the next at once.
    this.begin(startedAt + this.#probe.periodSeconds * 1000 - performance.now());
  }
}
