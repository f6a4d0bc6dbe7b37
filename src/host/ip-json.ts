/**
 * What `ip -json` printed. It writes names and aliases as they are, and a guest may put any bytes into its own: control
 * characters, which JSON forbids inside of a text, are made harmless. One value; see `ip.ts` for batches.
 */
export function parseIpJson(text: string): unknown {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return JSON.parse(text.replace(/[\u0000-\u001f\u007f]/g, '\ufffd').replace(/^\ufffd+|\ufffd+$/g, ''));
}
