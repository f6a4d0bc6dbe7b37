import type { Container } from '../../api/container.ts';
import type { Verb } from '../../server/protocol.ts';
import { stateLine } from '../view/state-line.ts';
import { GRACE_MS, isMove, isNewRun, judge, type Verdict } from './verdict.ts';

/** One container on its way to what was asked of it. */
export class Progress {
  readonly name: string;
  readonly #verb: Verb;
  readonly #before: Container;
  #now: Container | null;
  #hasMoved = false;
  #hasStarted = false;
  #lastMoveAt: number;

  constructor(verb: Verb, before: Container, at: number) {
    this.name = before.metadata.name;
    this.#verb = verb;
    this.#before = before;
    this.#now = before;
    this.#lastMoveAt = at;
  }

  /** `null`: it is gone. */
  see(now: Container | null, at: number): void {
    const last = this.#now;
    if (now === null || last === null || isMove(last, now)) this.#lastMoveAt = at;
    if (now !== null) {
      this.#hasMoved ||= isMove(this.#before, now);
      this.#hasStarted ||= isNewRun(this.#before, now);
    }
    this.#now = now;
  }

  verdict(at: number): Verdict {
    return judge(this.#verb, this.#before, this.#now, {
      hasMoved: this.#hasMoved,
      hasStarted: this.#hasStarted,
      steadyMs: at - this.#lastMoveAt,
    });
  }

  /** What it is doing, for a person who waits. */
  describe(): string {
    return stateLine(this.#now);
  }

  /** What is new since the request; null while nothing is, and then, after a while, that nothing is. */
  news(at: number): string | null {
    if (this.#hasMoved || this.#now === null) return this.describe();
    return at - this.#lastMoveAt < GRACE_MS ? null : `still ${this.describe()}`;
  }
}
