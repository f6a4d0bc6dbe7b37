/**
 * Loaded into nspawnd before its own code (NODE_OPTIONS), in the main thread only. SIGUSR2 makes it read /run/probe/command:
 *
 *   kill step N      kill -9 of this process right after it has said "step applied" for the Nth time from now
 *   kill effect N    kill -9 right before the Nth thing it does to the host: a change of a file, a command, a call that changes
 *   off              nothing of that
 *   measure          collects its garbage and writes what it holds to /run/probe/measure.json
 *
 * Each command is answered by its text in /run/probe/answer, so that whoever gave it knows that it holds.
 */
const { isMainThread } = require('node:worker_threads');

if (isMainThread && process.argv[1]?.endsWith('/nspawnd')) {
  const fs = require('node:fs');
  const net = require('node:net');
  const childProcess = require('node:child_process');
  const { syncBuiltinESMExports } = require('node:module');
  const { readFileSync, writeFileSync, renameSync } = fs;
  const kill = process.kill.bind(process, process.pid, 'SIGKILL');

  let kind = '';
  let left = 0;
  const count = what => {
    if (kind !== what || left === 0) return;
    left -= 1;
    if (left === 0) kill();
  };

  const say = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text, ...rest) => {
    const result = say(text, ...rest);
    if (String(text).includes('"msg":"step applied"')) count('step');
    return result;
  };

  const before = (object, name, isEffect) => {
    const original = object[name];
    object[name] = function (...args) {
      if (isEffect(...args)) count('effect');
      return original.apply(this, args);
    };
  };
  const WRITING = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT;
  const writes = flags => (typeof flags === 'number' ? (flags & WRITING) !== 0 : /[wa+]/.test(flags ?? 'r'));
  const isOurs = path => !String(path).startsWith('/run/probe/');
  for (const name of [
    'rename',
    'unlink',
    'rm',
    'rmdir',
    'mkdir',
    'symlink',
    'link',
    'chmod',
    'utimes',
    'writeFile',
  ])
    before(fs.promises, name, isOurs);
  for (const name of ['renameSync', 'unlinkSync', 'rmSync', 'mkdirSync']) before(fs, name, isOurs);
  before(fs.promises, 'open', (_path, flags) => writes(flags));
  before(fs, 'openSync', (_path, flags) => writes(flags));
  before(childProcess, 'spawn', program => !/systemd-notify$/.test(String(program)));
  const CALLS = /\b(StartUnit|StopUnit|ResetFailedUnit|KillUnit|TerminateMachine|KillMachine|Reload)\0/;
  before(net.Socket.prototype, 'write', data => Buffer.isBuffer(data) && CALLS.test(data.toString('latin1')));
  syncBuiltinESMExports();

  const commands = {
    kill: ([what, number]) => {
      kind = what;
      left = Number(number);
    },
    off: () => {
      kind = '';
    },
    measure: () => {
      require('node:v8').setFlagsFromString('--expose-gc');
      const collect = require('node:vm').runInNewContext('gc');
      collect();
      collect();
      const { heapUsed, external, rss } = process.memoryUsage();
      writeFileSync('/run/probe/measure.json', JSON.stringify({ heapUsed, external, rss }));
    },
  };
  process.on('SIGUSR2', () => {
    const text = readFileSync('/run/probe/command', 'utf8');
    const [verb, ...rest] = text.trim().split(' ');
    commands[verb]?.(rest);
    writeFileSync('/run/probe/answer.aside', text);
    renameSync('/run/probe/answer.aside', '/run/probe/answer');
  });
  writeFileSync('/run/probe/loaded', String(process.pid));
}
