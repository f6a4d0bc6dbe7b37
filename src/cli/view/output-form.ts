/** What `-o` says, as typed: read at start, understood by the command that has use for it. */
export type OutputForm =
  | { readonly is: 'table'; readonly isWide: boolean }
  | { readonly is: 'object'; readonly format: 'json' | 'yaml' }
  | { readonly is: 'name' }
  | { readonly is: 'jsonpath'; readonly template: string }
  | { readonly is: 'jsonpath-file'; readonly file: string }
  | { readonly is: 'custom-columns'; readonly columns: string }
  | { readonly is: 'custom-columns-file'; readonly file: string };

export const TABLE: OutputForm = { is: 'table', isWide: false };

/** What can be said, for help and for completion. */
export const OUTPUT_FORMS: readonly string[] = [
  'wide',
  'json',
  'yaml',
  'name',
  'jsonpath=TEMPLATE',
  'jsonpath-file=FILE',
  'custom-columns=HEADER:PATH,...',
  'custom-columns-file=FILE',
];

/** A string says what is wrong. Also `-o=json`, as kubectl's users write it. */
export function parseOutputForm(text: string): OutputForm | string {
  const [, word = '', argument = ''] = /^=?([^=]*)=?([\s\S]*)$/.exec(text) ?? [];
  const hasArgument = /^=?[^=]*=/.test(text);
  switch (word) {
    case 'wide':
      return hasArgument ? notWanted(word) : { is: 'table', isWide: true };
    case 'json':
    case 'yaml':
      return hasArgument ? notWanted(word) : { is: 'object', format: word };
    case 'name':
      return hasArgument ? notWanted(word) : { is: 'name' };
    case 'jsonpath':
      return hasArgument ? { is: word, template: argument } : missing("jsonpath='{.items[*].metadata.name}'");
    case 'custom-columns':
      return argument === ''
        ? missing('custom-columns=NAME:.metadata.name')
        : { is: word, columns: argument };
    case 'jsonpath-file':
    case 'custom-columns-file':
      return argument === '' ? missing(`${word}=FILE`) : { is: word, file: argument };
    case 'go-template':
    case 'go-template-file':
    case 'template':
    case 'jsonpath-as-json':
      return `${word} is not known here; jsonpath=TEMPLATE is.`;
    default:
      return `Allowed choices are ${OUTPUT_FORMS.join(', ')}.`;
  }
}

function notWanted(word: string): string {
  return `${word} takes nothing after it.`;
}

function missing(example: string): string {
  return `Something is missing: ${example}`;
}
