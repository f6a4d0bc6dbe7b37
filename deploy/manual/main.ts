import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { productVersion } from '../../src/version.ts';
import { containerPage } from './container.ts';
import { nspawnctlPage } from './nspawnctl.ts';
import { nspawndPage, settingsFile, settingsPage } from './nspawnd.ts';

/** Writes what the program knows of itself below a directory, as the manual and the file of settings. Run by the build. */
const [directory = '.'] = process.argv.slice(2);
const version = productVersion();
const written: Readonly<Record<string, string>> = {
  'man1/nspawnctl.1': nspawnctlPage(version),
  'man5/nspawnd.yaml.5': settingsPage(version),
  'man5/nspawnd.container.5': containerPage(version),
  'man8/nspawnd.8': nspawndPage(version),
  'nspawnd.yaml': settingsFile(),
};
for (const [name, text] of Object.entries(written)) {
  mkdirSync(dirname(join(directory, name)), { recursive: true });
  writeFileSync(join(directory, name), text);
}
