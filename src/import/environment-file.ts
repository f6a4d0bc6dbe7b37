/**
 * The assignments of an EnvironmentFile=, as systemd reads it: comments, quotes, continued lines; the last one of a name
 * counts. Source: systemd.exec(5), EnvironmentFile=.
 */
export function readEnvironmentFile(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.replaceAll(/\\\r?\n/g, '').split(/\r?\n/)) {
    if (/^\s*[#;]/.test(line)) continue;
    const at = line.indexOf('=');
    const name = line.slice(0, Math.max(at, 0)).trim();
    if (at < 0 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
    variables.set(name, unquote(line.slice(at + 1).trim()));
  }
  return variables;
}

function unquote(value: string): string {
  if (/^'[\s\S]*'$/.test(value) && value.length > 1) return value.slice(1, -1);
  if (/^"[\s\S]*"$/.test(value) && value.length > 1)
    return value.slice(1, -1).replaceAll(/\\(["\\$`])/g, '$1');
  return value.replaceAll(/\\(.)/g, '$1');
}
