import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../src/api/manifest.ts';
import { RENDERER, unitText } from '../../src/planning/render/unit.ts';
import { HOST, manifestOf, PATHS } from '../unit/planning/base-state.ts';
import { checkGolden } from './golden.ts';

/**
 * The units as they are written today.
 *
 * A changed file here means that an unchanged manifest gets another unit: raise RENDERER in src/planning/render/unit.ts,
 * so that running guests report RestartRequired/NewRenderer, and then `ofRenderer` below. (A new case changes it too.)
 */
const ofRenderer = { renderer: '1', digest: '7aac869b6b68b39e' };

const CASES: Readonly<Record<string, JsonObject>> = {
  minimal: { root: '/var/lib/machines/minimal' },
  'private-network': {
    root: '/var/lib/machines/private-network',
    privateNetwork: true,
    hostAddress: '10.231.136.1',
    localAddress: '10.231.136.2',
    hostAddress6: 'fd00:231::1',
    localAddress6: 'fd00:231::2',
  },
  fifo: { root: '/var/lib/machines/fifo', readiness: 'fifo', timeoutStartSec: '2min', timeoutStopSec: 5 },
  command: {
    root: '/srv/100% real/root',
    command: ['/bin/sh', '-c', 'echo "$HOME"; exec sleep 1d'],
    environment: { GREETING: "it's 5 o'clock\n", COLOUR: 'grün' },
  },
  ephemeral: { root: '/var/lib/machines/ephemeral', ephemeral: true, resolvConf: 'copy-static' },
  volatile: {
    root: '/var/lib/machines/volatile',
    volatile: 'overlay',
    privateNetwork: true,
    guestHosts: false,
  },
};

for (const [name, spec] of Object.entries(CASES)) {
  test(`the unit of ${name}`, () => {
    checkGolden(`unit/${name}.service`, unitText(manifestOf(name, spec), HOST, PATHS));
  });
}

test('the renderer is raised when a unit changes', () => {
  const directory = fileURLToPath(new URL('unit', import.meta.url));
  const texts = readdirSync(directory)
    .sort()
    .map(file => readFileSync(join(directory, file), 'utf8'));
  // Its own number is in the text, and raising it is not a change that asks for another.
  const text = texts.join('').replaceAll(/NSPAWND_RENDERER=\d+/g, '');
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  assert.deepEqual({ renderer: RENDERER, digest }, ofRenderer);
});
