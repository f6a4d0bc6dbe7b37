/** Where the package has what `manifest-schema.ts` makes. */
const SCHEMA_FILE = '/usr/share/nspawnd/container.schema.json';

/** The comment, without its `#`, by which a manifest tells editors what it may hold (yaml-language-server). */
export const SCHEMA_LINE = ` yaml-language-server: $schema=${SCHEMA_FILE}`;
