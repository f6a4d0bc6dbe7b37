import assert from 'node:assert/strict';

/** System calls that nspawn keeps from guests, since neither a namespace nor a capability does; numbers of x86-64. */
const FORBIDDEN = { keyctl: 250, perf_event_open: 298, open_by_handle_at: 304, bpf: 321 };
const EPERM = 1;

/** A line for a guest's shell that makes each of them and prints what came of it. Its arguments are nothing that exists. */
export const MAKE_FORBIDDEN_CALLS = `perl -e 'for (@ARGV) { $! = 0; syscall($_, 0, -3, 0, 0); print "call $_: ", $! + 0, "\\n" }' ${Object.values(FORBIDDEN).join(' ')}`;

export function assertAllForbidden(said: string): void {
  assert.equal(process.arch, 'x64', 'the numbers are those of');
  assert.deepEqual(
    said.match(/^call .*$/gm),
    Object.values(FORBIDDEN).map(number => `call ${number}: ${EPERM}`),
  );
}
