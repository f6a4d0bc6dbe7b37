/** A valid manifest as text; `spec` are further lines of the spec, `root` differs by name unless given. */
export function manifestText(name: string, spec: Readonly<Record<string, unknown>> = {}): string {
  const fields = { root: `/var/lib/machines/${name}`, ...spec };
  const lines = Object.entries(fields).map(([field, value]) => `  ${field}: ${JSON.stringify(value)}`);
  return [
    'apiVersion: nspawnd.io/v1alpha1',
    'kind: Container',
    `metadata: { name: ${name} }`,
    'spec:',
    ...lines,
    '',
  ].join('\n');
}
