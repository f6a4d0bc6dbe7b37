import { execa } from 'execa';

/** The Debian mirror this machine itself is set up for; undefined leaves the choice to mmdebstrap. */
export async function findMirror(): Promise<string | undefined> {
  const format = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Label: Debian'];
  const targets = await execa('apt-get', ['indextargets', ...format], { reject: false });
  return targets.exitCode === 0 ? targets.stdout.split('\n').find(line => line !== '') : undefined;
}
