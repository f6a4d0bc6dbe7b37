// All that is installed, at its place below a directory. The only list of it.
import { chmod, copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const deploy = fileURLToPath(new URL('.', import.meta.url));

/** Debian's own node, whatever else is in anybody's PATH. */
const SHEBANG = '#!/usr/bin/node';
/** The daemon's garbage is small and there at once; Node's sixteen megabytes for it, three times, would stay thirty of memory. */
const DAEMON_SHEBANG = `${SHEBANG} --max-semi-space-size=1`;

export async function stage(root, { dist, manual, copyright }) {
  await program('nspawnd', DAEMON_SHEBANG);
  await copy(join(dist, 'nspawnd.cjs'), 'usr/lib/nspawnd/nspawnd.cjs');
  await program('nspawnctl', SHEBANG);
  for (const name of await readdir(join(dist, 'nspawnctl')))
    await copy(join(dist, 'nspawnctl', name), `usr/lib/nspawnd/nspawnctl/${name}`);
  await link('../lib/nspawnd/nspawnd.mjs', 'usr/sbin/nspawnd');
  await copy(join(dist, 'nspawnctl.sh'), 'usr/bin/nspawnctl', 0o755);

  await copy(join(deploy, 'nspawnd.service'), 'usr/lib/systemd/system/nspawnd.service');
  await copy(join(deploy, 'host/sysctl.conf'), 'usr/lib/sysctl.d/20-nspawnd.conf');
  await copy(join(deploy, 'host/sysusers.conf'), 'usr/lib/sysusers.d/nspawnd.conf');
  await copy(join(deploy, 'host/tmpfiles.conf'), 'usr/lib/tmpfiles.d/nspawnd.conf');
  await copy(join(deploy, 'host/networkd.network'), 'usr/lib/systemd/network/70-nspawnd.network');
  await copy(join(deploy, 'host/networkmanager.conf'), 'usr/lib/NetworkManager/conf.d/70-nspawnd.conf');

  await copy(join(dist, 'container.schema.json'), 'usr/share/nspawnd/container.schema.json');
  await copy(join(dist, 'completion.bash'), 'usr/share/bash-completion/completions/nspawnctl');
  await copy(join(dist, 'completion.zsh'), 'usr/share/zsh/vendor-completions/_nspawnctl');
  await copy(join(dist, 'completion.fish'), 'usr/share/fish/vendor_completions.d/nspawnctl.fish');
  for (const [section, pages] of [
    [1, ['nspawnctl']],
    [5, ['nspawnd.yaml', 'nspawnd.container']],
    [8, ['nspawnd']],
  ])
    for (const page of pages)
      await compressed(
        join(manual, `man${section}/${page}.${section}`),
        `usr/share/man/man${section}/${page}.${section}.gz`,
      );
  await compressed(join(deploy, '../CHANGELOG.md'), 'usr/share/doc/nspawnd/changelog.gz');
  await put(copyright, 'usr/share/doc/nspawnd/copyright');
  await copy(join(deploy, 'alerts.yaml'), 'usr/share/doc/nspawnd/alerts.yaml');

  await copy(join(manual, 'nspawnd.yaml'), 'etc/nspawnd/nspawnd.yaml');
  await directory('etc/nspawnd/manifests');

  async function program(name, shebang) {
    const text = await readFile(join(dist, `${name}.mjs`), 'utf8');
    await put(text.replace(/^#!.*/, shebang), `usr/lib/nspawnd/${name}.mjs`, 0o755);
  }

  async function compressed(from, to) {
    await put(gzipSync(await readFile(from), { level: 9 }), to);
  }

  async function put(content, to, mode = 0o644) {
    await directory(dirname(to));
    await writeFile(join(root, to), content);
    await chmod(join(root, to), mode);
  }

  async function copy(from, to, mode = 0o644) {
    await directory(dirname(to));
    await copyFile(from, join(root, to));
    await chmod(join(root, to), mode);
  }

  async function link(to, at) {
    await directory(dirname(at));
    await symlink(to, join(root, at));
  }

  /** Each one on the way, with the mode that a package has to have whatever our umask is. */
  async function directory(path) {
    const parts = path.split('/');
    for (const depth of parts.keys()) {
      const here = join(root, ...parts.slice(0, depth + 1));
      await mkdir(here, { recursive: true });
      await chmod(here, 0o755);
    }
  }
}
