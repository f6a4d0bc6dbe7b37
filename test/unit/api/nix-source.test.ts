import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeManifest } from '../../../src/api/manifest-issue.ts';
import { nixSourceOf } from '../../../src/api/nix-source.ts';

/** A manifest of "web" with this spec: its objections, or none. */
function judge(spec: Readonly<Record<string, unknown>>) {
  return judgeManifest({
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name: 'web' },
    spec,
  });
}

function check(spec: Readonly<Record<string, unknown>>, expected: readonly string[]): void {
  const found = judge(spec).issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  assert.deepEqual(found, expected);
}

test('a guest is made from exactly one thing, and root may say where its state lives', () => {
  for (const field of ['path', 'config', 'flake']) {
    check({ [field]: '/srv/x' }, []);
    check({ [field]: '/srv/x', root: '/var/lib/containers/web' }, []);
  }
  check({ path: '/a', config: '/b', flake: '/c' }, [
    'spec.config: excludes path (a guest is made from one of them)',
    'spec.flake: excludes path (a guest is made from one of them)',
  ]);
});

test('without root the state lives where NixOS has it', () => {
  assert.equal(judge({ path: '/a' }).fields?.spec.root, '/var/lib/nixos-containers/web');
  assert.equal(judge({ path: '/a', root: '/srv//x/' }).fields?.spec.root, '/srv/x');
});

test('a new system reloads the guest unless it is told otherwise', () => {
  assert.equal(judge({ path: '/a' }).fields?.spec.update, 'reload');
  assert.equal(judge({ path: '/a', update: 'restart' }).fields?.spec.update, 'restart');
  check({ path: '/a', update: 'never' }, ['spec.update: expected reload, restart, none; found "never"']);
  check({ root: '/a', update: 'none' }, [
    'spec.update: needs path, config or flake (it says what a new system of these does to a running guest)',
  ]);
});

test('a system has an init of its own', () => {
  check({ path: '/a', command: ['/bin/true'] }, [
    'spec.command: excludes path (the init of that system is what runs)',
  ]);
});

test('a config is a file where it starts with a slash, else the text of a module', () => {
  assert.deepEqual(nixSourceOf('web', { config: '/etc/web.nix' }), { kind: 'file', path: '/etc/web.nix' });
  assert.deepEqual(nixSourceOf('web', { config: '{ }' }), { kind: 'text', text: '{ }' });
  check({ config: '/etc/../web.nix' }, [
    'spec.config: starts with "/" and is no absolute path without ".." and control characters: "/etc/../web.nix"',
  ]);
  check({ config: '' }, ['spec.config: must be the path of a NixOS module, or its text']);
  check({ config: 'x'.repeat(70_000) }, ['spec.config: longer than 65536 characters']);
});

test("a flake's attribute defaults to the name, and nothing of it can be read as an option or as Nix", () => {
  const flake = (reference: string, attribute: string) => ({ kind: 'flake', reference, attribute });
  assert.deepEqual(nixSourceOf('web', { flake: '/etc/nixos' }), flake('/etc/nixos', 'web'));
  assert.deepEqual(nixSourceOf('web', { flake: 'github:a/b#c.d-e_f' }), flake('github:a/b', 'c.d-e_f'));
  for (const bad of ['--impure', '/a#b"c', '/a#b#c', '/a b', '', '#web', '/a#', '/a#$x']) {
    const [issue] = judge({ flake: bad }).issues;
    assert.match(issue?.message ?? '', /^not a flake reference/, bad);
  }
});
