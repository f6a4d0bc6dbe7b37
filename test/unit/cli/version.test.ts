import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { productVersion } from '../../../src/version.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve, temporaryDirectory } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

describe('version', () => {
  const own = productVersion();
  const clientVersion = { gitVersion: `v${own}`, platform: `${process.platform}/${process.arch}` };

  it('is that of both ends, and says when they are not of one (0)', async t => {
    const { rootSocket } = await serve(t, { control: new ControlModel() });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'version']);
    assert.deepEqual([code, out], [0, `nspawnctl ${own}\nnspawnd 1.2.3\n`]);
    assert.match(err, /^nspawnctl and nspawnd are not of one version; .*systemctl restart nspawnd/);
  });

  it('is an object for programs, in the shape of kubectl version', async t => {
    const { rootSocket } = await serve(t, { control: new ControlModel() });
    const json = await nspawnctl(['--socket', rootSocket, 'version', '-o', 'json']);
    const value = JSON.parse(json.out) as { serverVersion: { gitVersion: string } };
    assert.deepEqual(value, { clientVersion, serverVersion: value.serverVersion });
    assert.equal(value.serverVersion.gitVersion, 'v1.2.3');
    const yaml = await nspawnctl(['--socket', rootSocket, 'version', '-o', 'yaml']);
    assert.deepEqual(parse(yaml.out), value);
    const client = await nspawnctl(['version', '--client', '-o', 'json']);
    assert.deepEqual([client.code, JSON.parse(client.out)], [0, { clientVersion }]);
  });

  it('is only its own where nspawnd is not there (69)', async t => {
    const socket = join(await temporaryDirectory(t), 'none.sock');
    const { code, out } = await nspawnctl(['--socket', socket, 'version', '-o', 'json']);
    assert.deepEqual([code, JSON.parse(out)], [69, { clientVersion }]);
  });
});
