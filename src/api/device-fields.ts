import { z } from 'zod';
import { MAX_EXTRA_FLAGS, objectionToFlag } from './extra-flags.ts';
import { objectionToInterface } from './interface-name.ts';
import { boundedText } from './text.ts';

/** Schemas of the fields that hand something of the host's, or of nspawn's, to a guest. */
const MAX_INTERFACES = 64;

/** Names of interfaces of the host, each once. */
export const interfacesField = listOf(objectionToInterface, {
  pattern: '^[A-Za-z0-9_.][-A-Za-z0-9_.+]*$',
  maxLength: 15,
})
  .max(MAX_INTERFACES, { error: `more than ${MAX_INTERFACES} interfaces` })
  .refine(names => new Set(names).size === names.length, { error: 'names an interface twice' })
  .meta({ uniqueItems: true })
  .default([]);

export const extraFlagsField = listOf(objectionToFlag, { pattern: '^--[a-z][a-z0-9-]*(?:=[^\\u0000]*)?$' })
  .max(MAX_EXTRA_FLAGS, { error: `more than ${MAX_EXTRA_FLAGS} flags` })
  .default([]);

/** `hint` is as much of the objection as an editor can check. */
function listOf(
  objectionTo: (value: string) => string | null,
  hint: { pattern: string; maxLength?: number },
) {
  return z.array(
    boundedText()
      .superRefine((value, context) => {
        const objection = objectionTo(value);
        if (objection !== null) context.addIssue({ code: 'custom', message: objection });
      })
      .meta(hint),
  );
}
