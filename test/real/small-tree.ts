import type { World } from './world.ts';

/**
 * The smallest tree a payload can run in: one program and its libraries, three megabytes. No etc, no var; what else is
 * below its root was put there by somebody.
 */
export async function plantTree(world: World, root: string): Promise<void> {
  await world.sh('sh', '-eu', '-c', PLANT, 'plant', root, PROGRAM);
}

const PROGRAM = '/usr/bin/sleep';

const PLANT = `
  mkdir -p "$1/usr/bin"
  cp -L "$2" "$1/usr/bin/"
  for library in $(ldd "$2" | grep -o '/[^ ]*'); do
    mkdir -p "$1$(dirname "$library")"
    cp -L "$library" "$1$library"
  done`;

/** A spec that runs in such a tree until it is stopped. */
export function inSmallTree(root: string, more: Readonly<Record<string, unknown>> = {}) {
  return { root, command: [PROGRAM, 'infinity'], ...more };
}
