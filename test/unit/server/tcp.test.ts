import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseListen } from '../../../src/config.ts';
import { serve } from './serving.ts';

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } },
  ];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

async function ask(config: Kubeconfig, path: string, token: string | null): Promise<number> {
  const { server, 'certificate-authority-data': authority } = config.clusters[0].cluster;
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, server), {
      ca: Buffer.from(authority, 'base64'),
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      agent: false,
    });
    asked.on('response', response => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function configIn(directory: string): Promise<Kubeconfig> {
  return JSON.parse(await readFile(join(directory, 'kubeconfig'), 'utf8')) as Kubeconfig;
}

describe('the listener on TCP', () => {
  it('lets in who bears the token of the kubeconfig, and nobody else', async t => {
    const { control, directory } = await serve(t, { isOnTcp: true });
    control.put('web');
    const config = await configIn(directory);
    const { token } = config.users[0].user;
    const path = '/apis/nspawnd.io/v1alpha1/containers/web';
    assert.equal(await ask(config, path, token), 200);
    for (const wrong of [null, '', token.slice(1), `${token}0`])
      assert.equal(await ask(config, path, wrong), 401);
    assert.equal(await ask(config, '/healthz', null), 401);
    assert.equal(await ask(config, '/no/such/path', null), 401);
  });

  it('keeps its certificate and token, for root alone, and takes the kubeconfig away when it is off', async t => {
    const first = await serve(t, { isOnTcp: true });
    const before = await configIn(first.directory);
    await first.server.close();
    const second = await serve(t, { isOnTcp: true, directory: first.directory });
    const after = await configIn(first.directory);
    assert.deepEqual(after.users, before.users);
    const authority = (config: Kubeconfig) => config.clusters[0].cluster['certificate-authority-data'];
    assert.equal(authority(after), authority(before));
    for (const file of ['kubeconfig', 'state/api/credentials.json'])
      assert.equal((await stat(join(first.directory, file))).mode & 0o777, 0o600, file);
    assert.equal((await stat(join(first.directory, 'state/api'))).mode & 0o777, 0o700);
    await second.server.close();
    await serve(t, { directory: first.directory });
    await assert.rejects(stat(join(first.directory, 'kubeconfig')), { code: 'ENOENT' });
  });

  it('is on loopback or nowhere', () => {
    assert.deepEqual(parseListen('127.0.0.1:6443'), { host: '127.0.0.1', port: 6443 });
    assert.deepEqual(parseListen('[::1]:0'), { host: '::1', port: 0 });
    for (const text of [
      '0.0.0.0:6443',
      '[::]:1',
      '10.0.0.1:1',
      'localhost:1',
      '127.0.0.1',
      '127.0.0.1:99999',
      ':1',
      '[::ffff:10.0.0.1]:1',
    ])
      assert.equal(parseListen(text), null, text);
  });
});
