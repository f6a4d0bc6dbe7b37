/** What kubectl's users type before names, and `-o name` prints: the only kind of thing there is. */
const RESOURCE_WORDS: ReadonlySet<string> = new Set([
  'container',
  'containers',
  'container.nspawnd.io',
  'containers.nspawnd.io',
]);

/** `container/web` is web; anything else is itself. */
export function nameOf(word: string): string {
  const slash = word.indexOf('/');
  return slash !== -1 && RESOURCE_WORDS.has(word.slice(0, slash)) ? word.slice(slash + 1) : word;
}

/**
 * `get containers` and `get container web`, as with kubectl: a first word that is the kind is no name, always, so that no
 * container can change what a script gets. One that is called so is `container/container`.
 */
export function namesOf(words: readonly string[]): readonly string[] {
  const [first] = words;
  return (first !== undefined && RESOURCE_WORDS.has(first) ? words.slice(1) : words).map(nameOf);
}
