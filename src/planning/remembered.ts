/** The same function, asked for the same text again and again, and as good as its argument: it must be pure. */
export function remembered<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return text => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = make(text);
    // Names come and go for as long as nspawnd runs.
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(text, made);
    return made;
  };
}

/** More than a host has containers. */
const MAX_REMEMBERED = 20_000;
