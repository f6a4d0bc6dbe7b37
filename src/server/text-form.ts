/** The text a client wants instead of objects: `Accept: text/plain;as=wide;style=ansi`. */
export interface TextForm {
  readonly as: 'table' | 'wide' | 'name' | 'words';
  /** For a terminal that knows colours. */
  readonly isPainted: boolean;
}

const AS: readonly TextForm['as'][] = ['table', 'wide', 'name', 'words'];

/** Null for whoever does not ask for text before anything else, and for a text that is not known. */
export function textFormOf(accept: string | undefined): TextForm | null {
  const [offer = ''] = (accept ?? '').split(',');
  const [type, ...parameters] = offer.split(';').map(part => part.trim());
  if (type !== 'text/plain') return null;
  const given = new Map(parameters.map(parameter => parameter.split('=', 2) as [string, string | undefined]));
  const as = AS.find(known => known === (given.get('as') ?? 'table'));
  return as === undefined ? null : { as, isPainted: given.get('style') === 'ansi' };
}
