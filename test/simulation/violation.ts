/** What must never be, was. */
export class Violation extends Error {
  /** Which of the oracles says so: a shorter life has to fail in the same way. */
  readonly oracle: string;

  constructor(oracle: string, message: string) {
    super(`${oracle}: ${message}`);
    this.name = 'Violation';
    this.oracle = oracle;
  }
}
