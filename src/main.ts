import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { Command } from 'commander';
import { type Config, configSchema, parseListen } from './config.ts';
import { Controller } from './controller/controller.ts';
import { messageOf } from './errors.ts';
import { LinuxHost } from './host/linux-host.ts';
import { feedWatchdog, notifyReady, notifyStopping } from './host/service-notify.ts';
import { createLog, type Log } from './log.ts';
import { createManifestSource } from './manifests/source.ts';
import { Metrics } from './metrics/metrics.ts';
import { hostLinkName } from './planning/link-name.ts';
import { startServer } from './server/server.ts';
import { productVersion } from './version.ts';

/** `nspawnd`: hands each room its ports, starts them in order, and ends them on SIGTERM. Containers are never ended. */
const config = readConfig(process.argv);
const log = createLog(config.logLevel);
process.on('unhandledRejection', error => fail(log, error, 'a promise was forgotten; this is a bug'));
process.on('uncaughtException', error => fail(log, error, 'an exception was not caught; this is a bug'));
try {
  await main(config, log);
} catch (error) {
  fail(log, error, 'nspawnd could not start');
}

async function main(config: Config, log: Log): Promise<void> {
  const startedAt = performance.now();
  const host = await LinuxHost.connect({ ...config, nixPath: config.nixPath ?? process.env.NIX_PATH ?? '' });
  const manifests = createManifestSource({
    directory: config.manifestsDirectory,
    stateDirectory: config.stateDirectory,
    ownerUid: config.manifestsOwner,
    hostName: hostname(),
    hostLinkName,
    addressRange: config.addressRange,
    bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    log,
  });
  const metrics = new Metrics(productVersion());
  const controller = new Controller(manifests, host, log, config, metrics.loop);
  metrics.follow(controller);
  const server = await startServer({
    control: controller,
    metrics,
    runtimeDirectory: config.runtimeDirectory,
    stateDirectory: config.stateDirectory,
    readGroupId: config.readGroup === null ? null : await groupId(config.readGroup),
    writeGroupId: config.writeGroup === null ? null : await groupId(config.writeGroup),
    tcp: config.listen === null ? null : parseListen(config.listen),
    version: productVersion(),
    log,
  });
  await controller.start();
  await notifyReady();
  const stopFeeding = feedWatchdog(() => controller.isHealthy());
  log.info(
    {
      version: productVersion(),
      manifests: config.manifestsDirectory,
      ms: Math.round(performance.now() - startedAt),
    },
    'nspawnd is ready',
  );

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, async () => {
      log.info({ signal }, 'nspawnd stops; containers go on');
      stopFeeding();
      await Promise.allSettled([notifyStopping(), server.close(), controller.stop()]);
      process.exit(0);
    });
  }
}

function readConfig(argv: readonly string[]): Config {
  const program = new Command('nspawnd')
    .description('Runs systemd-nspawn containers from the manifests in a directory.')
    .version(productVersion())
    .option('--manifests <dir>', 'directory of the manifests', '/etc/nspawnd/manifests')
    .option('--state-directory <dir>', 'what survives a boot', '/var/lib/nspawnd')
    .option('--runtime-directory <dir>', 'sockets and what ends with the boot', '/run/nspawnd')
    .option('--read-group <group>', 'group that may use the reading socket')
    .option('--write-group <group>', 'group that may use the socket with all verbs: its members are root')
    .option('--listen <address:port>', "address on loopback for Kubernetes' clients, such as 127.0.0.1:6443")
    .option('--address-range <cidr>', 'where nspawnctl create takes addresses from', '10.233.0.0/16')
    .option('--workers <count>', 'how many containers are worked on at once', '8')
    .option('--relist-sec <seconds>', 'how often everything is read again', '20')
    .option(
      '--ipv6-forwarding',
      'turn on net.ipv6.conf.all.forwarding (silences router advertisements on the uplink)',
    )
    .option('--nix-path <path>', 'NIX_PATH for containers with config, such as nixpkgs=/srv/nixpkgs')
    .option('--log-level <level>', 'trace, debug, info, warn or error', 'info')
    .parse([...argv]);
  const options = program.opts<Record<string, string | true | undefined>>();
  const parsed = configSchema.safeParse({
    manifestsDirectory: options.manifests,
    stateDirectory: options.stateDirectory,
    runtimeDirectory: options.runtimeDirectory,
    readGroup: options.readGroup ?? null,
    writeGroup: options.writeGroup ?? null,
    listen: options.listen ?? null,
    addressRange: options.addressRange,
    workers: Number(options.workers),
    relistMs: Number(options.relistSec) * 1000,
    enableIpv6Forwarding: options.ipv6Forwarding === true,
    nixPath: options.nixPath ?? null,
    logLevel: options.logLevel,
  });
  if (parsed.success) return parsed.data;
  return program.error(
    parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    { exitCode: 2 },
  );
}

/** Node cannot ask NSS; the file is what a system group is in. */
async function groupId(group: string): Promise<number> {
  const line = (await readFile('/etc/group', 'utf8'))
    .split('\n')
    .find(entry => entry.startsWith(`${group}:`));
  const id = Number(line?.split(':')[2]);
  if (line === undefined || !Number.isInteger(id)) throw new Error(`there is no group ${group}`);
  return id;
}

function fail(log: Log, error: unknown, sentence: string): never {
  log.fatal({ err: error }, sentence);
  process.stderr.write(`nspawnd: ${messageOf(error)}\n`);
  process.exit(1);
}
