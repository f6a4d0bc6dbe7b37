import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { SourceGuard } from '../../../src/host/source-guard.ts';
import { scratch } from './scratch.ts';

/** An nft that is slow to change and quick to list, with one set of pairs. */
const NFT = `#!/bin/sh
state=\${0%/*}/state
case "$1" in
  -f) sleep 0.3; sed -n 's/^add element inet nspawnd sources4 { \\("[^"]*"\\) . \\(.*\\) }$/{ "concat": [\\1, "\\2"] }/p' >> "$state" ;;
  -j) printf '{ "nftables": [ { "set": { "name": "sources4", "elem": [ %s ] } } ] }' "$(paste -sd, "$state" 2>/dev/null)" ;;
esac
`;

test('what is looked at while another link is given its addresses is not taken for what is there after it', async t => {
  const directory = await scratch(t);
  await writeFile(`${directory}/nft`, NFT);
  await chmod(`${directory}/nft`, 0o755);
  const guard = new SourceGuard(`${directory}/nft`);
  assert.deepEqual(await guard.addresses('ve-other'), []);
  const change = guard.set('ve-web', ['10.0.0.1']);
  await new Promise(resolve => setTimeout(resolve, 100));
  guard.invalidate();
  const [other] = await Promise.all([guard.addresses('ve-other'), change]);
  assert.deepEqual([other, await guard.addresses('ve-web')], [[], ['10.0.0.1']]);
});
