/** What one question to a guest came to; `none`: it could not be asked, which is no fault of the guest's. */
export interface Answer {
  readonly is: 'good' | 'bad' | 'none';
  /** For people, where it is not good; cleaned and bounded. */
  readonly detail: string;
}

export const GOOD: Answer = { is: 'good', detail: '' };

export function bad(detail: string): Answer {
  return { is: 'bad', detail };
}

export function notAsked(detail: string): Answer {
  return { is: 'none', detail };
}

export function tooLate(seconds: number): Answer {
  return bad(`no answer within ${seconds} s`);
}
