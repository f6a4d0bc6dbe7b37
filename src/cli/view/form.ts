import type { Columns } from '../../view/columns.ts';
import { renderTemplate, type Show } from '../jsonpath/render.ts';
import type { Template } from '../jsonpath/template.ts';

/** A form in which containers are shown, ready to be used. */
export type Form =
  | { readonly is: 'table'; readonly columns: Columns; readonly hasHeader: boolean }
  | { readonly is: 'object'; readonly format: 'json' | 'yaml' }
  | { readonly is: 'name' }
  | {
      readonly is: 'template';
      readonly template: Template;
      readonly show: Show;
      readonly endsLines: boolean;
    };

/** A filled-in template; at a terminal, and where more follows, it ends its line. */
export function fillIn(form: Form & { is: 'template' }, object: object, endsLine = form.endsLines): string {
  const text = renderTemplate(form.template, object, form.show);
  return endsLine && text !== '' && !text.endsWith('\n') ? `${text}\n` : text;
}
