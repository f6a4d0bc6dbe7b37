import { z } from 'zod';
import { MAX_EXTRA_FLAGS, objectionToFlag } from './extra-flags.ts';
import { objectionToInterface } from './interface-name.ts';
import { boundedText } from './text.ts';

/** Schemas of the fields that hand something of the host's, or of nspawn's, to a guest. */
const MAX_INTERFACES = 64;

/** Names of interfaces of the host, each once. */
export const interfacesField = listOf(objectionToInterface)
  .max(MAX_INTERFACES, { error: `more than ${MAX_INTERFACES} interfaces` })
  .refine(names => new Set(names).size === names.length, { error: 'names an interface twice' })
  .default([]);

export const extraFlagsField = listOf(objectionToFlag)
  .max(MAX_EXTRA_FLAGS, { error: `more than ${MAX_EXTRA_FLAGS} flags` })
  .default([]);

function listOf(objectionTo: (value: string) => string | null) {
  return z.array(
    boundedText().superRefine((value, context) => {
      const objection = objectionTo(value);
      if (objection !== null) context.addIssue({ code: 'custom', message: objection });
    }),
  );
}
