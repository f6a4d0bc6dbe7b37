/**
 * kubectl's JSONPath templates as data: text with paths in braces, and ranges. (Libraries evaluate paths, mostly by
 * `eval`, and none has the templates.)
 */
export type Template = readonly TemplateNode[];

export type TemplateNode =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'values'; readonly path: Path }
  | { readonly is: 'range'; readonly path: Path; readonly body: Template };

export type Path = readonly Step[];

export type Step =
  /** Each value, and everything below it that has something below it. */
  { readonly is: 'descend' } | { readonly is: 'select'; readonly selectors: readonly Selector[] };

export type Selector =
  | {
      readonly is: 'key';
      readonly name: string;
      /** kubectl reads `['a.b']` as `.a.b`; so it is where there is no key of that very name. */
      readonly path: Path | null;
    }
  | { readonly is: 'every' }
  | { readonly is: 'index'; readonly at: number }
  | {
      readonly is: 'slice';
      readonly from: number | null;
      readonly to: number | null;
      readonly step: number;
    }
  | { readonly is: 'filter'; readonly left: Operand; readonly test: Test | null };

export interface Test {
  readonly operator: Operator;
  readonly right: Operand;
}

export type Operator = '==' | '!=' | '<=' | '>=' | '<' | '>';

export type Operand =
  | { readonly is: 'path'; readonly path: Path }
  | { readonly is: 'literal'; readonly value: string | number | boolean };
