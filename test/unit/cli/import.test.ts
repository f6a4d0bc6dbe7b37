import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/import/host', import.meta.url));

/** A host's files, to be written beside, and an empty directory of manifests. */
async function host(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const [root, manifests] = [join(directory, 'host'), join(directory, 'manifests')];
  await cp(FIXTURES, root, { recursive: true, verbatimSymlinks: true });
  const run = (...args: readonly string[]) =>
    nspawnctl(['import', '--host-root', root, '--manifests', manifests, ...args]);
  const contents = async () => {
    const files = await readdir(directory, { recursive: true, withFileTypes: true });
    const texts = files
      .filter(file => file.isFile())
      .map(async file => [
        join(file.parentPath, file.name),
        await readFile(join(file.parentPath, file.name), 'utf8'),
      ]);
    return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
  };
  return { root, manifests, run, contents };
}

describe('import', () => {
  it('writes a manifest for each, which our own parser takes, and leaves a note beside what counts no longer', async t => {
    const { root, manifests, run } = await host(t);
    const { code, out, err } = await run();
    assert.equal(code, 0, err);
    const written = out.trim().split('\n');
    assert.equal(written.length, 9);
    assert.equal((await nspawnctl(['validate', manifests])).out, '9 containers in 9 files: valid\n');
    assert.deepEqual((await readdir(manifests)).sort(), written.map(file => file.split('/').at(-1)).sort());
    const note = await readFile(join(root, 'etc/nixos-containers/web.conf.nspawnd'), 'utf8');
    assert.match(
      note,
      /web\.conf counts no longer: container web is run by nspawnd now, from .*web\.yaml\.\n$/,
    );
    await assert.rejects(readFile(join(root, 'etc/containers/containers.conf.nspawnd')), { code: 'ENOENT' });
    assert.match(err, /^debian: not carried: Port=tcp:8080:80: /m);
    assert.match(err, /packed\.nspawn: passed over: .*packed\.raw is an image/);
  });

  it('changes nothing the second time, not even after an edit of what it wrote', async t => {
    const { manifests, run, contents } = await host(t);
    await run();
    const file = join(manifests, 'web.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('autoStart: true', 'autoStart: false'));
    const before = await contents();
    const { code, out, err } = await run();
    assert.deepEqual([code, out], [0, ''], err);
    assert.match(err, /^web: has its manifest already$/m);
    assert.deepEqual(await contents(), before);
  });

  it('writes nothing when it only shows', async t => {
    const { run, contents } = await host(t);
    const before = await contents();
    const { code, out, err } = await run('--dry-run');
    assert.equal(code, 0);
    assert.match(out, /^---\n# yaml-language-server: .*\n# Imported from /);
    assert.match(err, /^would leave a note: /m);
    assert.deepEqual(await contents(), before);
  });

  it('never writes over another manifest of that name (78), and then writes none at all', async t => {
    const { manifests, run, contents } = await host(t);
    await cp(FIXTURES, manifests, { recursive: true, filter: path => path === FIXTURES });
    await writeFile(
      join(manifests, 'mine.yaml'),
      'apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: web }\nspec: { root: /srv/web }\n',
    );
    const before = await contents();
    const { code, err } = await run();
    assert.equal(code, 78);
    assert.match(err, /web has another manifest already/);
    assert.deepEqual(await contents(), before);
  });

  it('writes none at all when one would not be valid (65), and says which and why', async t => {
    const { root, run, contents } = await host(t);
    const conf = join(root, 'etc/nixos-containers/shared.conf');
    await writeFile(conf, 'SYSTEM_PATH=/nix/store/x\nPRIVATE_NETWORK=1\nLOCAL_ADDRESS=10.0.0\n');
    const before = await contents();
    const { code, err } = await run();
    assert.equal(code, 65);
    assert.match(err, /shared\.yaml:\d+:\d+: spec\.localAddress: not an IPv4 address: "10\.0\.0"/);
    assert.deepEqual(await contents(), before);
  });

  it('believes a file beside its tree no more than systemd does, by whatever name it is called', async t => {
    const { root, manifests, run } = await host(t);
    const text = '[Exec]\nCapability=all\nDropCapability=CAP_MKNOD\n[Files]\nBind=/:/host\n';
    await mkdir(join(root, 'var/lib/machines/came'));
    await writeFile(join(root, 'var/lib/machines/came.nspawn'), text);
    await mkdir(join(root, 'srv'));
    await symlink('../var/lib/machines', join(root, 'srv/alias'));
    await symlink('../var/lib/machines/came.nspawn', join(root, 'srv/came.nspawn'));
    const flags = async () => {
      const file = join(manifests, 'came.yaml');
      const written = await readFile(file, 'utf8');
      await rm(file);
      return [...written.matchAll(/^[^#]*?(--[a-z-]+=[^"\n]*)/gm)].map(([, flag]) => flag);
    };
    for (const file of ['/var/lib/machines', '/srv/alias', '/srv'].map(place => `${place}/came.nspawn`)) {
      const { code, err } = await run(file);
      assert.equal(code, 0, err);
      assert.match(err, /^came: not carried: Bind=\/:\/host: systemd-nspawn ignores it/m);
      assert.deepEqual(await flags(), ['--drop-capability=CAP_MKNOD'], file);
    }
    // The same text from an administrator.
    await writeFile(join(root, 'etc/systemd/nspawn/came.nspawn'), text);
    assert.equal((await run('/etc/systemd/nspawn/came.nspawn')).code, 0);
    assert.equal((await flags()).length, 3);
  });

  it('waits for nobody, and reads no more than a file may have', { timeout: 20_000 }, async t => {
    const { root, run } = await host(t);
    const conf = (name: string) => join(root, `etc/nixos-containers/${name}.conf`);
    execFileSync('mkfifo', [conf('fifo')]);
    await writeFile(conf('long'), 'x'.repeat(1024 * 1024 + 1));
    await symlink('/dev/zero', conf('zero'));
    const said: Record<string, [number, RegExp]> = {
      fifo: [66, /it is no regular file/],
      long: [65, /larger than 1048576 bytes/],
      zero: [66, /it is no regular file/],
    };
    for (const [name, [code, pattern]] of Object.entries(said)) {
      const result = await run(`/etc/nixos-containers/${name}.conf`);
      assert.equal(result.code, code, name);
      assert.match(result.err, pattern);
    }
  });

  it('takes single files, and tells what is none', async t => {
    const { root, manifests, run } = await host(t);
    const one = await run('/etc/systemd/nspawn/plain.nspawn');
    assert.deepEqual([one.code, one.out], [0, `${manifests}/plain.yaml\n`]);
    await writeFile(join(root, 'x.json'), 'nonsense');
    assert.equal((await run('/x.json')).code, 65);
    assert.equal((await run('/etc/systemd/nspawn/none.nspawn')).code, 1);
    assert.equal((await run('/none.conf')).code, 66);
    await writeFile(join(root, 'etc/containers/Not_A_Name.conf'), 'AUTO_START=1\n');
    const named = await run('/etc/containers/Not_A_Name.conf');
    assert.equal(named.code, 1);
    assert.match(named.err, /"Not_A_Name" is no name for a container here/);
  });
});
