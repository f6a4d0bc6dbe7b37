import type { BuildOptions } from 'esbuild';

/** How esbuild makes one program of a file and all it imports, as `deploy/build.mjs` does: for whoever has Node and none of our packages, or no time. */
export const PROGRAM = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // dbus-next asks for these two only for transports that nothing here uses.
  external: ['x11', 'usocket'],
  // Some packages are CommonJS and call require() at run time, which an ES module does not have.
  banner: {
    js: "import { createRequire as requireOfProgram } from 'node:module'; const require = requireOfProgram(import.meta.url);",
  },
  logLevel: 'warning',
} as const satisfies BuildOptions;
