import type { Contender } from './contender.ts';
import type { ParsedDocument } from './document.ts';

/**
 * Documents of one name, the one that keeps it first: in the file it was accepted from; saying the same as before, as in a
 * renamed file; valid; at the earlier place.
 */
export function rankDocuments({ documents, accepted }: Contender): readonly ParsedDocument[] {
  const badness = (document: ParsedDocument): number => {
    const hash = document.manifest?.specHash;
    const known = [accepted?.manifest?.specHash, accepted?.rollout?.refused?.specHash];
    const isSame = hash !== undefined && known.includes(hash) ? 0 : 1;
    const isFromFile = accepted !== null && accepted.file === document.file ? 0 : 2;
    const isValid = document.manifest !== null ? 0 : 1;
    return (isFromFile + isSame) * 2 + isValid;
  };
  return [...documents].sort((a, b) => badness(a) - badness(b) || comparePlaces(a, b));
}

export type DocumentPlace = Pick<ParsedDocument, 'file' | 'index'>;

export function comparePlaces(a: DocumentPlace, b: DocumentPlace): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.index - b.index;
}
