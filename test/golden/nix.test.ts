import { test } from 'node:test';
import type { JsonObject } from '../../src/api/manifest.ts';
import { nixSourceOf } from '../../src/api/nix-source.ts';
import { nixBuild } from '../../src/planning/render/nix-build.ts';
import { unitText } from '../../src/planning/render/unit.ts';
import { HOST, manifestOf, PATHS } from '../unit/planning/base-state.ts';
import { checkGolden } from './golden.ts';

/** Units of systems made by Nix, and of their builds. A directory of their own: plain units keep their digest. */
const SYSTEM = {
  closure: '/nix/store/0123456789abcdefghijklmnopqrstuv-nixos-system-web',
  generation: 3,
  isUsable: true,
  platform: 'x86_64-linux',
};

test('the unit of a system', () => {
  const manifest = manifestOf('web', { path: '/nix/var/nix/profiles/web' });
  checkGolden('nix/system.service', unitText(manifest, HOST, PATHS, SYSTEM));
});

test('the unit of a 32-bit system', () => {
  const manifest = manifestOf('web', { path: '/nix/var/nix/profiles/web', root: '/srv/old state' });
  const system = { ...SYSTEM, platform: 'i686-linux' };
  checkGolden('nix/system-32-bit.service', unitText(manifest, HOST, PATHS, system));
});

const BUILDS: Readonly<Record<string, JsonObject>> = {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Nix that has to leave it alone
  file: { config: '/etc/nixos/it\'s "100%" ${mine}/web.nix' },
  text: { config: '{ services.nginx.enable = true; }\n' },
  flake: { flake: 'github:you/systems?dir=a%20b#other' },
};

for (const [name, spec] of Object.entries(BUILDS)) {
  test(`the build of a ${name}`, () => {
    const manifest = manifestOf('web', spec);
    const source = nixSourceOf('web', manifest.spec);
    if (source === null) throw new TypeError('it has a source');
    const order = { manifest, source, input: 'input-1', attempt: 2, programs: '/usr/bin' };
    const build = nixBuild({ ...order, isRefreshed: name === 'flake' }, 'nixpkgs=/srv/nixpkgs', PATHS);
    const files = Object.entries(build.files).map(([file, text]) => `==> ${file}\n${text}`);
    checkGolden(`nix/build-${name}.txt`, [build.unit, ...files].join('\n'));
  });
}
