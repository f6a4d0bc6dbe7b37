import { z } from 'zod';

export const MAX_STRING_LENGTH = 16_384;

/** What can be a word of a command line or of a file: bounded, and without NUL. */
export function boundedText(maxLength: number = MAX_STRING_LENGTH) {
  return z
    .string()
    .max(maxLength)
    .refine(value => !value.includes('\0'), { error: 'must not contain a NUL byte' });
}
