import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { execa } from 'execa';

/** A program of an npm package that a Debian package is made of. */
export interface NpmProgram {
  readonly package: string;
  readonly version: string;
  /** The program's path in the npm package, and those it is to have. */
  readonly program: string;
  readonly installs: readonly string[];
  /** The Debian package's name, and what it needs. */
  readonly as: string;
  readonly depends: string;
}

/** Makes the package and has dpkg install it into a tree. */
export async function installNpmProgram(program: NpmProgram, tree: string): Promise<void> {
  const prefix = join(dirname(tree), `.npm-${basename(tree)}`);
  const wanted = `${program.package}@${program.version}`;
  await execa('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--ignore-scripts', wanted]);
  const staged = join(prefix, 'staged');
  for (const path of program.installs) {
    await mkdir(join(staged, dirname(path)), { recursive: true });
    await copyFile(join(prefix, 'node_modules', program.package, program.program), join(staged, path));
  }
  const architecture = await execa('dpkg', ['--print-architecture']);
  await mkdir(join(staged, 'DEBIAN'));
  await writeFile(
    join(staged, 'DEBIAN/control'),
    [
      `Package: ${program.as}`,
      `Version: ${program.version}-0npm`,
      `Architecture: ${architecture.stdout}`,
      `Depends: ${program.depends}`,
      'Maintainer: nobody <nobody@localhost>',
      `Description: made of npm's ${program.package}`,
      '',
    ].join('\n'),
  );
  const file = join(tree, 'program.deb');
  await execa('chmod', ['-R', 'u=rwX,go=rX', staged]);
  await execa('chmod', ['0755', ...program.installs.map(path => join(staged, path))]);
  await execa('dpkg-deb', ['--root-owner-group', '-Znone', '--build', staged, file]);
  await execa('chroot', [tree, 'dpkg', '--install', '/program.deb']);
  await rm(file);
  await rm(prefix, { recursive: true });
}
