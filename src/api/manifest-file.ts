/** Which names below a directory of manifests count. Pure; the daemon reads by it, and so does who judges files beforehand. */

/** Sub-directories within one another; what is deeper is not read. */
export const MAX_DEPTH = 4;

const MANIFEST = /\.(ya?ml|json)$/;
/** What editors and patches leave behind. */
const LEFTOVER = /(~|\.bak|\.swp|\.tmp|\.orig|\.rej)$/;

/** A name that nothing is read of, be it a file's or a directory's. */
export function isPassedOver(name: string): boolean {
  return name.startsWith('.') || LEFTOVER.test(name);
}

/** The name of a file that is read as manifests. */
export function isManifestFile(name: string): boolean {
  return !isPassedOver(name) && MANIFEST.test(name);
}
