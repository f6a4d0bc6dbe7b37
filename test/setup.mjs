// Makes a fresh clone ready to run: npm packages, the Debian packages the test hosts need, and dist/.
// Safe to run any number of times; says nothing and takes no time when there is nothing to do.
// `--packages-only` stops after the npm packages and needs no root. Uses nothing but Node itself, because
// node_modules may not exist yet.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

const debianPackages = [
  'systemd-container',
  'mmdebstrap',
  'debian-archive-keyring',
  'gpg',
  'util-linux',
  'iproute2',
];

const bundles = [
  'dist/nspawnd.mjs',
  'dist/nspawnd.cjs',
  'dist/nspawnctl.mjs',
  'dist/container.schema.json',
  'dist/completion.bash',
  'dist/root/usr/lib/nspawnd/nspawnd.mjs',
];
const bundleSources = ['src', 'deploy', 'CHANGELOG.md', 'LICENSE', 'package.json', 'package-lock.json'];

try {
  await installNpmPackages();
  if (!process.argv.includes('--packages-only')) {
    await installDebianPackages();
    await buildBundles();
  }
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}

async function installNpmPackages() {
  if (npmPackagesAreCurrent()) return;
  await run('installing the npm packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** npm records what it installed in node_modules/.package-lock.json; it must be what the lock file asks for. */
function npmPackagesAreCurrent() {
  const installed = readPackages('node_modules/.package-lock.json');
  const wanted = readPackages('package-lock.json');
  if (!installed || !wanted) return false;
  const missing = Object.entries(wanted).some(
    ([path, { optional, version }]) => path !== '' && !optional && installed[path]?.version !== version,
  );
  const stale = Object.entries(installed).some(([path, { version }]) => wanted[path]?.version !== version);
  return !missing && !stale;
}

function readPackages(file) {
  const path = join(repository, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}

async function installDebianPackages() {
  if (!existsSync('/usr/bin/dpkg-query')) {
    throw new Error('the test hosts need a Debian machine (dpkg-query was not found)');
  }
  const missing = findMissing(debianPackages);
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    throw new Error(`these Debian packages are missing, run this once as root: ${missing.join(' ')}`);
  }
  // A third-party source that cannot be reached is no reason to stop: the installation below decides.
  await run('reading the Debian package lists', 'apt-get', ['-q', 'update']).catch(() => undefined);
  const install = [
    '-q',
    '-y',
    '--no-install-recommends',
    '-o',
    'DPkg::Lock::Timeout=300',
    'install',
    ...missing,
  ];
  await run(`installing ${missing.join(' ')}`, 'apt-get', install);
}

function findMissing(names) {
  const format = `\${Package} \${db:Status-Status}\n`;
  const query = spawnSync('dpkg-query', ['--show', `--showformat=${format}`, ...names], { encoding: 'utf8' });
  const known = query.stdout.split('\n');
  return names.filter(name => !known.includes(`${name} installed`));
}

async function buildBundles() {
  const newestSource = Math.max(...bundleSources.map(path => newestChange(join(repository, path))));
  const oldestBundle = Math.min(...bundles.map(path => newestChange(join(repository, path))));
  if (oldestBundle > newestSource) return;
  await run('building dist/', process.execPath, [join(repository, 'deploy/build.mjs')]);
}

/** The latest modification below a path, directories included (a deletion changes only them); 0 if there is none. */
function newestChange(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map(name => newestChange(join(path, name))));
}

/** Runs a command; tells what it is doing once it has taken a second; throws with its output when it fails. */
function run(what, command, args) {
  const startedAt = Date.now();
  const announcement = setTimeout(() => console.error(`setup: ${what} ...`), 1000);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn(command, args, { cwd: repository, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', chunk => output.push(chunk));
  child.stderr.on('data', chunk => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', error => {
      clearTimeout(announcement);
      reject(new Error(`${what}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(announcement);
      const seconds = (Date.now() - startedAt) / 1000;
      if (code === 0) {
        if (seconds >= 1) console.error(`setup: ${what}: done in ${seconds.toFixed(1)} s`);
        resolve();
        return;
      }
      const tail = Buffer.concat(output).toString().trimEnd();
      reject(new Error(`${what}: ${command} ended with ${signal ?? code}\n${tail}`));
    });
  });
}
