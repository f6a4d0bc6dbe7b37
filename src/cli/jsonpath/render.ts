import { evaluate } from './evaluate.ts';
import type { Template } from './template.ts';

/** Makes a value's text what may be shown; the template's own text is what the person typed, and stays. */
export type Show = (text: string) => string;

/** A template filled in: values that one path finds are separated by spaces, as with kubectl. */
export function renderTemplate(template: Template, value: unknown, show: Show): string {
  let text = '';
  for (const node of template) {
    if (node.is === 'text') text += node.text;
    else if (node.is === 'values')
      text += evaluate(node.path, value)
        .map(found => show(toText(found)))
        .join(' ');
    else for (const found of evaluate(node.path, value)) text += renderTemplate(node.body, found, show);
  }
  return text;
}

/** A string is itself, what has parts is JSON on one line. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
