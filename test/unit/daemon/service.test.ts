import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { repository } from '../../testbed/places.ts';

const text = await readFile(join(repository, 'deploy/nspawnd.service'), 'utf8');
const options = text.split('\n').flatMap(line => /^(\w+)=/.exec(line)?.[1] ?? []);

suite('nspawnd.service has no option', () => {
  const check = (forbidden: RegExp) =>
    assert.deepEqual(
      options.filter(option => forbidden.test(option)),
      [],
    );
  test("that makes a mount namespace: its network namespaces would be nobody else's", () => {
    check(
      /^(Protect(System|Home|Proc|Kernel\w+|ControlGroups)|ProcSubset|Private\w+|\w+Paths|MountFlags|Root\w+)$/,
    );
  });
  test('that is inherited by an exec probe and keeps it from being what the guest is: 32-bit, sudo, in namespaces', () => {
    check(/^(SystemCallArchitectures|NoNewPrivileges|RestrictNamespaces|ProtectHostname)$/);
  });
});
