import { execa } from 'execa';

/** Where root trees get their packages from, and how: as this machine itself is set up. */
export interface Mirror {
  /** Undefined leaves the choice to mmdebstrap. */
  readonly uri: string | undefined;
  /** apt.conf lines. */
  readonly aptOptions: readonly string[];
}

/** A mirror may be reached through a proxy, and may be a snapshot whose lists have run out. */
const inheritedOptions = [
  'Acquire::Check-Valid-Until',
  'Acquire::Check-Date',
  'Acquire::http::Proxy',
  'Acquire::https::Proxy',
];

export async function findMirror(): Promise<Mirror> {
  const format = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Label: Debian'];
  const targets = await execa('apt-get', ['indextargets', ...format], { reject: false });
  const uri = targets.exitCode === 0 ? targets.stdout.split('\n').find(line => line !== '') : undefined;
  const dumps = await Promise.all(
    inheritedOptions.map(option => execa('apt-config', ['dump', option], { reject: false })),
  );
  const aptOptions = dumps.flatMap(dump => dump.stdout.split('\n')).filter(line => / "[^"]+";$/.test(line));
  return { uri, aptOptions };
}
