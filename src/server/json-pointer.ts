/** The steps of an RFC 6901 pointer: `/a~1b/c` is a/b, then c. */
export function stepsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** One step as a pointer has it. */
export function toToken(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}
