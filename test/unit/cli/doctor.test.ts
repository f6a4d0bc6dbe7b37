import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { type Daemon, judgeDaemon } from '../../../src/cli/doctor/judge-daemon.ts';
import { judgeLimits } from '../../../src/cli/doctor/judge-limits.ts';
import { judgeNetwork } from '../../../src/cli/doctor/judge-network.ts';
import { judgePlaces } from '../../../src/cli/doctor/judge-places.ts';
import { judgeSoftware } from '../../../src/cli/doctor/judge-software.ts';
import { findingList, formatFindings } from '../../../src/cli/view/findings.ts';
import type { Limits } from '../../../src/host/report/limits.ts';
import { droppingChains, type NetworkReport } from '../../../src/host/report/network.ts';
import type { PlacesReport } from '../../../src/host/report/places.ts';
import type { Software } from '../../../src/host/report/software.ts';
import { paintPlain } from '../../../src/view/paint.ts';
import { temporaryDirectory } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

/** A host as it should be, plus one change. */
interface Host {
  readonly software: Software;
  readonly limits: Limits;
  readonly network: NetworkReport;
  readonly places: PlacesReport;
  readonly daemon: Daemon;
  readonly isTrusted: boolean;
  readonly now: number;
}

const GIB = 1024 ** 3;
const DIRECTORY = { uid: 0, mode: 0o40755, isDirectory: true };
const GOOD: Host = {
  software: {
    systemdVersion: 262,
    kernel: '6.18.1-amd64',
    nspawnHelp: '--network-namespace-path --notify-ready --private-users-ownership --bind-user',
    doesMachinedAnswer: true,
    isMachinedInstalled: true,
    ip: 'ip utility, iproute2-6.15.0, libbpf 1.5.0',
    nft: 'nftables v1.1.3 (Commodore Bullmoose #4)',
    nix: 'nix (Nix) 2.26.3',
    node: '24.1.0',
    inotifyInstances: 8192,
    controllers: ['cpu', 'memory', 'pids'],
  },
  limits: {
    'fs.inotify.max_user_watches': 1_048_576,
    'kernel.keys.maxkeys': 20_000,
    'kernel.pid_max': 4_194_304,
    'kernel.threads-max': 30_000,
    'net.ipv4.neigh.default.gc_thresh3': 8192,
    // A host that is itself a container has no say in it.
    'net.ipv6.neigh.default.gc_thresh3': null,
    'user.max_mnt_namespaces': 15_000,
    'user.max_net_namespaces': 15_000,
    'user.max_user_namespaces': 15_000,
  },
  network: {
    managers: [
      { name: 'systemd-networkd', isActive: true, isKeptOff: true },
      { name: 'NetworkManager', isActive: false, isKeptOff: false },
      { name: 'dhcpcd', isActive: false, isKeptOff: false },
    ],
    droppingChains: [],
    firewalls: [],
    ipv4Forwarding: true,
    ipv6Forwarding: false,
    deafUplinks: [],
  },
  places: {
    manifests: '/etc/nspawnd/manifests',
    trail: ['/', '/etc', '/etc/nspawnd', '/etc/nspawnd/manifests'].map(path => ({ path, stats: DIRECTORY })),
    isUnitDirectoryWritable: true,
    sockets: [
      { path: '/run/nspawnd/nspawnd.sock', mode: 0o140600 },
      { path: '/run/nspawnd/read.sock', mode: null },
    ],
    disks: [
      { path: '/run', freeBytes: GIB, totalBytes: 2 * GIB, freeFiles: 10_000 },
      { path: '/var/lib', freeBytes: 20 * GIB, totalBytes: 100 * GIB, freeFiles: null },
      { path: '/var/lib/machines', freeBytes: 20 * GIB, totalBytes: 100 * GIB, freeFiles: null },
    ],
    service: { isInstalled: true, isEnabled: true, hasOwnMounts: false },
    installedAt: 1_000,
  },
  daemon: {
    answers: true,
    version: '1.0.0',
    source: {
      directory: '/etc/nspawnd/manifests',
      isHealthy: true,
      namesFault: '',
      message: '',
      problems: [],
      held: null,
      files: 3,
      lastScan: '2026-01-01T00:00:00Z',
    },
  },
  isTrusted: false,
  now: 2_000,
};

function judge({ software, limits, network, places, daemon, isTrusted, now }: Host): readonly Finding[] {
  return [
    ...judgeDaemon(daemon, places, '1.0.0'),
    ...judgePlaces(places, { isRoot: true, isTrusted, now }),
    ...judgeSoftware(software),
    ...judgeLimits(limits),
    ...judgeNetwork(network),
  ];
}

/** Everything that is not ok, as `STATUS CHECK: MESSAGE -> FIX`. */
function check(
  change: { readonly [Part in keyof Host]?: Partial<Host[Part]> },
  ...expected: readonly RegExp[]
) {
  const host = { ...GOOD } as Record<string, unknown>;
  for (const [part, value] of Object.entries(change))
    host[part] = typeof value === 'object' ? { ...(host[part] as object), ...value } : value;
  const found = judge(host as unknown as Host)
    .filter(({ status }) => status !== 'ok')
    .map(({ check: what, status, message, fix }) => `${status} ${what}: ${message} -> ${fix}`);
  assert.equal(found.length, expected.length, found.join('\n'));
  for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern);
}

describe('the doctor', () => {
  it('finds nothing on a host that is as it should be', () => check({}));

  it('names each limit of the kernel that is in the way of many guests', () => {
    check(
      { limits: { 'kernel.keys.maxkeys': 200, 'net.ipv4.neigh.default.gc_thresh3': 1024 } },
      /^warn limits: kernel\.keys\.maxkeys is 200: .*no keyring -> .*grep -r kernel\.keys\.maxkeys/,
      /^warn limits: net\.ipv4\.neigh\.default\.gc_thresh3 is 1024: .*reach each other/,
    );
    check(
      { limits: { 'kernel.pid_max': 4096, 'user.max_user_namespaces': 0 } },
      /^warn limits: kernel\.pid_max is 4096: .*no process .* -> sysctl -w kernel\.pid_max=8192/,
      /^warn limits: user\.max_user_namespaces is 0: .*--private-users/,
    );
  });

  it('knows what software is needed', () => {
    check({ software: { systemdVersion: 247 } }, /^fail systemd: 247 is too old -> upgrade to 252/);
    check({ software: { systemdVersion: null } }, /^fail systemd: does not answer/);
    check(
      { software: { nspawnHelp: null } },
      /^fail systemd-nspawn: is not installed -> install systemd-container/,
    );
    check(
      { software: { nspawnHelp: '--notify-ready' } },
      /^fail systemd-nspawn: has no --network-namespace-path/,
    );
    check({ software: { doesMachinedAnswer: false } }, /^fail machined: .* -> see why: systemctl status/);
    check(
      { software: { doesMachinedAnswer: false, isMachinedInstalled: false } },
      /^fail machined: is not installed/,
    );
    check({ software: { ip: null } }, /^fail ip: .* -> install iproute2/);
    check({ software: { nft: null } }, /^warn nft: .*forge.* -> install nftables/);
    check({ software: { nix: null } });
    check({ software: { controllers: null } }, /^fail cgroup: /);
    check({ software: { controllers: ['cpu'] } }, /^warn cgroup: version 2 without memory, pids/);
    check(
      { software: { inotifyInstances: 128 } },
      /^warn inotify: .* is 128: enough for 16 guests .* -> sysctl -w fs\.inotify\.max_user_instances=8192/,
    );
  });

  it('says of what is only in newer versions, without an objection', () => {
    const all = judge({ ...GOOD, software: { ...GOOD.software, systemdVersion: 252, kernel: '6.1.0' } });
    const features = all.find(({ check: what }) => what === 'features');
    assert.equal(features?.status, 'ok');
    assert.match(features?.message ?? '', /--private-users .*\(systemd 262\).*terminals.*IPv6/);
  });

  it('knows who else configures interfaces', () => {
    for (const [name, fix] of [
      ['systemd-networkd', /70-nspawnd\.network.*networkctl reload/],
      ['NetworkManager', /70-nspawnd\.conf.*nmcli/],
      ['dhcpcd', /denyinterfaces ve-\*/],
    ] as const) {
      const managers = [{ name, isActive: true, isKeptOff: false }];
      check({ network: { managers } }, new RegExp(`^fail ${name}: .* -> .*${fix.source}`));
      check({ network: { managers: [{ name, isActive: false, isKeptOff: false }] } });
    }
  });

  it('knows what is not forwarded, and how each firewall is told to', () => {
    const chains = ['ip filter FORWARD'];
    const dropped = (firewalls: NetworkReport['firewalls'], fix: RegExp) =>
      check(
        { network: { droppingChains: chains, firewalls } },
        new RegExp(`^warn firewall: ip filter FORWARD drops .* -> .*${fix.source}`),
      );
    dropped([], /nft insert rule/);
    dropped(['docker'], /DOCKER-USER/);
    dropped(['ufw'], /ufw route allow/);
    check(
      { network: { firewalls: ['firewalld'] } },
      /^warn firewall: firewalld rejects .* -> .*firewall-cmd/,
    );
    check({ network: { droppingChains: null } }, /^warn firewall: .*cannot be seen/);
    check({ network: { deafUplinks: ['eth0'] } }, /^warn router adv.*eth0 ignores .*conf\.eth0\.accept_ra=2/);
  });

  it('reads the chains of nft as they are', () => {
    const chain = (more: object) => ({ chain: { family: 'inet', table: 't', name: 'c', ...more } });
    const json = (...entries: readonly object[]) =>
      JSON.stringify({ nftables: [{ metainfo: {} }, ...entries] });
    assert.deepEqual(droppingChains(json(chain({ hook: 'forward', policy: 'drop' }))), ['inet t c']);
    assert.deepEqual(
      droppingChains(
        json(
          chain({ hook: 'forward', policy: 'accept' }),
          chain({ hook: 'input', policy: 'drop' }),
          chain({}),
        ),
      ),
      [],
    );
    for (const text of ['', 'null', '[]', '{"nftables":3}', '{"nftables":[null,1]}'])
      assert.deepEqual(droppingChains(text), [], text);
  });

  it('knows who may write manifests', () => {
    const trail = (...stats: readonly PlacesReport['trail'][number]['stats'][]) => ({
      places: { trail: GOOD.places.trail.map((step, index) => ({ ...step, stats: stats[index] ?? null })) },
    });
    const D = DIRECTORY;
    check(
      trail(D, D, D, { ...D, mode: 0o40777 }),
      /^fail manifests: \S+ is writable by others.* -> chmod go-w \/etc\/nspawnd\/manifests$/,
    );
    check(
      trail(D, { ...D, uid: 1000 }, D, D),
      /^fail manifests: \/etc belongs to user 1000.* -> chown 0 \/etc$/,
    );
    check(trail({ ...D, mode: 0o41777 }, D, D, D));
    // Whose they may be is a setting, and the daemon has judged by it.
    check({ ...trail(D, D, D, { ...D, uid: 1000 }), isTrusted: true });
    check(trail(D, D, D), /^fail manifests: \/etc\/nspawnd\/manifests does not exist -> mkdir -p/);
    check(trail(D, D, D, { ...D, isDirectory: false }), /^fail manifests: .* is no directory/);
  });

  it('knows of places that cannot be used, or by too many', () => {
    check({ places: { isUnitDirectoryWritable: false } }, /^fail unit directory/);
    const open = [{ path: '/run/nspawnd/nspawnd.sock', mode: 0o140666 }];
    check({ places: { sockets: open } }, /^fail sockets: .* is open to every user/);
    const disk = (path: string, freeBytes: number, freeFiles: number | null = null) => ({
      places: { disks: [{ path, freeBytes, totalBytes: GIB, freeFiles }] },
    });
    check(disk('/run', 1024), /^fail space in \/run: 1\.0 KiB of 1\.0 GiB free/);
    check(disk('/run', 8 * 1024 ** 2), /^warn space in \/run/);
    check(disk('/var/lib', 8 * 1024 ** 2), /^fail space in \/var\/lib/);
    check(disk('/var/lib', GIB, 3), /^fail space in \/var\/lib: 3 files/);
    check({ now: 10 }, /^warn clock: 1970-\S+ is before nspawnd was installed/);
  });

  it('knows how the daemon is', () => {
    const down = { daemon: { answers: false, error: 'nspawnd is not running', hint: 'start it' } as const };
    check(down, /^fail nspawnd: nspawnd is not running -> start it$/);
    const service = { ...GOOD.places.service, isInstalled: false, isEnabled: false };
    check({ ...down, places: { service } }, /^fail nspawnd: is not installed/);
    check({ places: { service: { ...GOOD.places.service, isEnabled: false } } }, /^warn at boot/);
    check(
      { places: { service: { ...GOOD.places.service, hasOwnMounts: true } } },
      /^fail mounts: .*drop-ins/,
    );
    const { source } = GOOD.daemon as Extract<Daemon, { answers: true }>;
    const says = (more: object, version = '1.0.0'): { daemon: Daemon } => ({
      daemon: { answers: true, version, source: { ...source, ...more } },
    });
    check(says({}, '0.9.0'), /^warn nspawnd: is 0\.9\.0, nspawnctl is 1\.0\.0 -> systemctl restart nspawnd$/);
    check(says({ isHealthy: false, message: 'gone' }), /^fail files: gone/);
    check(
      says({ namesFault: 'EROFS: read-only file system' }),
      /^fail names: the hosts files do not have all names of containers: EROFS: read-only file system -> .*findmnt/m,
    );
    check(
      says({ held: { hash: 'x', names: ['a', 'b'] } }),
      /^warn files: 2 deletions held .* -> nspawnctl prune$/,
    );
    const problem = { file: 'f', line: 1, column: 1, field: '', message: 'm' };
    check(says({ problems: [problem] }), /^warn files: 1 problem.* -> nspawnctl validate/);
  });

  it('shows a line for each, and below what is wrong what to do', () => {
    const findings: Finding[] = [
      { check: 'a', status: 'ok', message: 'fine', fix: null },
      { check: 'long one', status: 'fail', message: 'bad\u001b[2J', fix: 'mend it' },
    ];
    assert.equal(
      formatFindings(findings, paintPlain),
      'ok     a          fine\nfail   long one   bad\\x1b[2J\n                  -> mend it\n',
    );
    assert.deepEqual(findingList(findings), {
      kind: 'FindingList',
      apiVersion: 'nspawnd.io/v1alpha1',
      metadata: {},
      items: findings,
    });
  });

  it('looks at this very host without a daemon, and ends', async t => {
    const directory = await temporaryDirectory(t);
    const { code, out } = await nspawnctl(['--socket', directory, 'doctor', '-o', 'json']);
    assert.equal(code, 1);
    const { items } = JSON.parse(out) as { items: Finding[] };
    assert.equal(items.find(({ check: what }) => what === 'nspawnd')?.status, 'fail');
    assert.ok(items.some(({ check: what }) => what === 'inotify'));
    const missing = await nspawnctl(['--socket', join(directory, 'none'), 'doctor']);
    assert.match(missing.out, /^fail +nspawnd/m);
  });
});
