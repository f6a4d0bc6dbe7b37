import { distance } from 'fastest-levenshtein';

/** What a person most likely meant by an unknown word; null where nothing is near enough to be worth saying. */
export function suggest(word: string, candidates: readonly string[]): string | null {
  const plain = plainForm(word);
  const sameLetters = candidates.find(candidate => plainForm(candidate) === plain);
  if (sameLetters !== undefined) return sameLetters;
  const longer = candidates.filter(candidate => plainForm(candidate).startsWith(plain));
  if (plain.length >= MIN_PREFIX_LENGTH && longer.length === 1) return longer[0] ?? null;
  if (word.length > MAX_WORD_LENGTH) return null;
  const swapped = candidates.find(candidate => sortedLetters(candidate) === sortedLetters(word));
  if (swapped !== undefined) return swapped;

  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const far = distance(plain, plainForm(candidate));
    if (far < bestDistance && far <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate;
      bestDistance = far;
    }
  }
  return best;
}

const MAX_WORD_LENGTH = 64;
/** `tcp` means tcpSocket. */
const MIN_PREFIX_LENGTH = 3;

/** `host_address`, `HostAddress` and `host-address` all mean hostAddress. */
function plainForm(word: string): string {
  return word.toLowerCase().replace(/[-_ .]/g, '');
}

/** `spce` means spec. */
function sortedLetters(word: string): string {
  return [...plainForm(word)].sort().join('');
}
