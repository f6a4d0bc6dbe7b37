export type Style = 'good' | 'bad' | 'warning' | 'dim' | 'bold';

/** Gives text a style, or not: colour is only for terminals, and never with NO_COLOR. */
export type Paint = (style: Style, text: string) => string;

const CODE: Readonly<Record<Style, number>> = { bold: 1, dim: 2, bad: 31, good: 32, warning: 33 };

export const paintAnsi: Paint = (style, text) => `\u001b[${CODE[style]}m${text}\u001b[0m`;

export const paintPlain: Paint = (_style, text) => text;
