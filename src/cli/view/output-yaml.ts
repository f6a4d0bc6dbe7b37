import { Document, isScalar, visit } from 'yaml';
import { escapeQuoted, hasUnsafe } from '../../view/escape.ts';

/** YAML for people and programs. What could act on a terminal is in double quotes, escaped; the value is the same. */
export function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (isScalar(node) && typeof node.value === 'string' && hasUnsafe(node.value.replaceAll('\n', '')))
        node.type = 'QUOTE_DOUBLE';
    },
  });
  return escapeQuoted(document.toString({ lineWidth: 0 }));
}
