import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { messageOf } from '../../errors.ts';
import { lastCleanLines } from '../clean-line.ts';
import { enteringWords } from '../entering.ts';
import { directoryOf } from '../find-program.ts';
import { readBounds, setprivBounds } from '../guest-bounds.ts';
import { GUEST_ENVIRONMENT } from '../guest-environment.ts';
import { type GuestPlace, placeOfGuest } from '../guest-place.ts';
import { hostMounts } from '../mounts.ts';
import { type Answer, bad, GOOD, notAsked, tooLate } from './answer.ts';

/** What of its output is kept, and how much of it is read at a time: who writes more waits a moment, and takes little of a core. */
const MAX_KEPT_CHARACTERS = 1024;
const MAX_READ_CHARACTERS = 64 * 1024;
const PAUSE_MS = 20;
const SHOWN_LINES = 3;

/**
 * Runs a command in a guest, for its exit status. By the guest's namespaces: a transient unit costs ten times as much, and
 * leaves lines in the guest's journal. Until it has entered, it has no more capabilities than the guest may have (a hostile
 * guest can take over who enters it), and it is in a control group of its own below the guest's unit: its devices and limits
 * are the guest's, and at the deadline all of it is killed, whatever it has become meanwhile.
 */
export async function probeExec(
  name: string,
  mainPid: number,
  command: readonly string[],
  timeoutSec: number,
  signal: AbortSignal,
): Promise<Answer> {
  const place = await placeOfGuest(name, mainPid);
  if (place === null) return notAsked('the guest is not found');
  await sweep(name, mainPid, place);
  const group = `${place.group}/nspawnd-probe-${++lastGroup}`;
  try {
    const argv = await enteringArgv(place, command);
    await mkdir(group);
    if (signal.aborted) return notAsked('given up');
    return await runIn(group, argv, timeoutSec, signal);
  } catch (error) {
    return notAsked(`it could not be run: ${messageOf(error)}`);
  } finally {
    await removeGroup(group);
  }
}

let lastGroup = 0;

const swept = new Map<string, { readonly mainPid: number; readonly done: Promise<void> }>();

/** What an earlier nspawnd asked when it was killed may hang in the guest for as long as that runs. Once for each run. */
function sweep(name: string, mainPid: number, place: GuestPlace): Promise<void> {
  const last = swept.get(name);
  if (last?.mainPid === mainPid) return last.done;
  const done = removeLeftGroups(place);
  swept.set(name, { mainPid, done });
  return done;
}

async function removeLeftGroups({ group }: GuestPlace): Promise<void> {
  const entries = await readdir(group).catch(() => []);
  for (const entry of entries.filter(one => /^nspawnd-probe-\d+$/.test(one))) {
    await writeFile(`${group}/${entry}/cgroup.kill`, '1').catch(() => undefined);
    await removeGroup(`${group}/${entry}`);
  }
}

async function enteringArgv({ leader }: GuestPlace, command: readonly string[]): Promise<readonly string[]> {
  const bounds = await readBounds(leader);
  if (bounds === null) throw new Error('what the guest may have cannot be read');
  const [nsenter, setpriv] = await Promise.all([programPath('nsenter'), programPath('setpriv')]);
  return [
    await programPath('unshare'),
    '--mount',
    '--propagation=private',
    '--',
    '/bin/sh',
    '-c',
    READ_ONLY,
    await programPath('mount'),
    ...(await mountsOfPrograms()),
    '--',
    setpriv,
    ...setprivBounds(bounds),
    '--',
    ...enteringWords(leader, bounds, { nsenter, setpriv }, command),
  ];
}

/**
 * Before it enters it is a program of the host's, and for a moment one among the guest's processes, which can open it for
 * writing by /proc: so it is run from mounts that are read-only. Where that cannot be, the probe is asked all the same.
 */
const READ_ONLY =
  'while [ "$1" != -- ]; do "$0" -o remount,bind,ro "$1" 2>/dev/null || :; shift; done; shift; exec "$@"';

/** Where the host's programs and libraries may be on a file system of their own. */
const PLACES_OF_PROGRAMS = ['/', '/usr', '/usr/lib', '/usr/local', '/lib', '/nix', '/nix/store'];

/** Of these, the mount points. */
async function mountsOfPrograms(): Promise<readonly string[]> {
  const points = new Set((await hostMounts()).map(({ mountPoint }) => mountPoint));
  return PLACES_OF_PROGRAMS.filter(place => points.has(place));
}

const programs = new Map<string, string>();

async function programPath(program: string): Promise<string> {
  const known = programs.get(program);
  if (known !== undefined) return known;
  const directory = await directoryOf(program, ['/usr/bin', '/bin', '/run/current-system/sw/bin']);
  if (directory === null) throw new Error(`${program} is not installed`);
  programs.set(program, `${directory}/${program}`);
  return `${directory}/${program}`;
}

/**
 * Waits until it is where it belongs. Nothing of nspawnd's own comes along: its input is a pipe that has ended. A /dev/null
 * would be the host's, whose mode the guest could change, and of a socket bash thinks that somebody has logged in.
 */
const ENTER = 'read -r _ || exit 1; umask 022; echo 0 2>/dev/null >/proc/self/oom_score_adj; : | (exec "$@")';

async function runIn(
  group: string,
  argv: readonly string[],
  timeoutSec: number,
  signal: AbortSignal,
): Promise<Answer> {
  const child = spawn('/bin/sh', ['-c', ENTER, 'sh', ...argv], {
    cwd: '/',
    env: GUEST_ENVIRONMENT,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  const output = keepEnd(child);
  const ended = endOf(child);
  let isLate = false;
  const kill = async () => {
    await writeFile(`${group}/cgroup.kill`, '1').catch(() => undefined);
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => {
    isLate = true;
    void kill();
  }, timeoutSec * 1000);
  const abort = () => void kill();
  signal.addEventListener('abort', abort);
  try {
    if (child.pid !== undefined) await writeFile(`${group}/cgroup.procs`, String(child.pid));
    child.stdin.end('\n');
    const { code, signalName } = await ended;
    if (signal.aborted) return notAsked('given up');
    if (isLate) return tooLate(timeoutSec);
    if (code === 0) return GOOD;
    const how =
      code === null
        ? `was ended by signal ${constants.signals[signalName ?? 'SIGKILL']}`
        : `exited with status ${code}`;
    const said = lastCleanLines(output(), SHOWN_LINES).join(' | ').slice(0, MAX_KEPT_CHARACTERS);
    return bad(said === '' ? how : `${how}: ${said}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    await kill();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Does not wait for its output to be closed: a child that was left behind may hold it for as long as it likes. */
function endOf(child: ChildProcess): Promise<{ code: number | null; signalName: NodeJS.Signals | null }> {
  const ended = new Promise<{ code: number | null; signalName: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signalName) =>
      // What it said last is on its way.
      setImmediate(() => resolve({ code, signalName })),
    );
  });
  // It is awaited later, or not at all where it could not be put in its place.
  ended.catch(() => undefined);
  return ended;
}

function keepEnd(child: ChildProcess): () => string {
  let kept = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('error', () => undefined);
    let read = 0;
    stream?.on('data', (text: string) => {
      kept = (kept + text).slice(-MAX_KEPT_CHARACTERS);
      read += text.length;
      if (read < MAX_READ_CHARACTERS) return;
      read = 0;
      stream.pause();
      setTimeout(() => stream.resume(), PAUSE_MS).unref();
    });
  }
  return () => kept;
}

/** What was killed takes a moment to be gone. What stays goes with the unit. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    try {
      await rmdir(group);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      await new Promise(resolve => setTimeout(resolve, 10 * (tries + 1)));
    }
  }
}
