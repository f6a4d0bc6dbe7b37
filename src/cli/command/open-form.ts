import { containerColumns } from '../../view/container-table.ts';
import { escapeLines } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { Form } from '../view/form.ts';
import type { OutputForm } from '../view/output-form.ts';

export interface FormOptions {
  readonly output: OutputForm;
  readonly headers: boolean;
  readonly showLabels: boolean;
  readonly labelColumns: readonly string[];
}

/** Understands what was asked for; what is wrong with it is told before anything else is done. */
export async function openForm(options: FormOptions, terminal: Terminal): Promise<Form> {
  const { output, headers, showLabels, labelColumns } = options;
  if (output.is !== 'table' && (showLabels || labelColumns.length > 0))
    throw new CliError(
      EXIT.usage,
      '--show-labels and --label-columns are for the table, with or without -o wide',
    );
  switch (output.is) {
    case 'table': {
      const columns = containerColumns({ isWide: output.isWide, labels: labelColumns, showLabels });
      return { is: 'table', columns, hasHeader: headers };
    }
    case 'object':
    case 'name':
      return output;
    case 'jsonpath':
      return openTemplate(output.template, '-o jsonpath', terminal);
    case 'jsonpath-file':
      return openTemplate(await readText(output.file), output.file, terminal);
    case 'custom-columns': {
      const { customColumns } = await import('../view/custom-columns.ts');
      return { is: 'table', columns: customColumns(output.columns), hasHeader: headers };
    }
    case 'custom-columns-file': {
      const { customColumnsOfFile } = await import('../view/custom-columns.ts');
      const columns = customColumnsOfFile(await readText(output.file), output.file);
      return { is: 'table', columns, hasHeader: headers };
    }
  }
}

async function openTemplate(text: string, what: string, { isInteractive }: Terminal): Promise<Form> {
  const { parseTemplate } = await import('../jsonpath/parse-template.ts');
  return {
    is: 'template',
    template: parseTemplate(text, what),
    // A program gets the bytes there are; what a terminal gets cannot act on it.
    show: isInteractive ? value => escapeLines(value).join('\n') : value => value,
    endsLines: isInteractive,
  };
}

async function readText(file: string): Promise<string> {
  const { readTextFile } = await import('../read-text-file.ts');
  return readTextFile(file);
}
