/** The Debian versions nspawnd is tested on: systemd 252, 257 and 262. */
export const suites = ['bookworm', 'trixie', 'testing'] as const;

export type Suite = (typeof suites)[number];

export const defaultSuite: Suite = 'trixie';

export function isSuite(text: string): text is Suite {
  return (suites as readonly string[]).includes(text);
}
