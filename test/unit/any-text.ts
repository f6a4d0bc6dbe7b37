import fc from 'fast-check';

/**
 * Any text at all, also what is none in Unicode. As `fc.string({ unit: 'binary' })`, which first takes a second to make a
 * table of all characters, to be able to shrink a text that it did not make.
 */
export function anyText(): fc.Arbitrary<string> {
  const character = fc.integer({ min: 0, max: 0x10ffff }).map(code => String.fromCodePoint(code));
  return fc.oneof(
    fc.array(character).map(characters => characters.join('')),
    // Also the words that programs stumble over, `__proto__` and the like.
    fc.string(),
  );
}
