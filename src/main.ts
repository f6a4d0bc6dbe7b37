import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parseListen } from './config.ts';
import { ConfigError } from './config-file.ts';
import { Controller } from './controller/controller.ts';
import { messageOf } from './errors.ts';
import { groupId } from './host/group-id.ts';
import { LinuxHost } from './host/linux-host.ts';
import { hasOwnMounts } from './host/mounts.ts';
import { feedWatchdog, notifyReady, notifyStopping } from './host/service-notify.ts';
import { createLog, type Log } from './log.ts';
import { createManifestSource } from './manifests/source.ts';
import { Metrics } from './metrics/metrics.ts';
import { readConfig, type Told } from './options.ts';
import { hostLinkName } from './planning/link-name.ts';
import { startServer } from './server/server.ts';
import { productVersion } from './version.ts';

/** Keeps what V8 has made of this program for its next start, where anybody can; see loader.ts. */
type KeepCode = (isAfterWork: boolean) => Promise<void>;

/** By then it has done everything once that it does often. */
const HAS_WORKED_MS = 60_000;

/** `nspawnd`: hands each room its ports, starts them in order, and ends them on SIGTERM. Containers are never ended. */
export async function run(keepCode: KeepCode): Promise<void> {
  const told = await readTold(keepCode);
  const log = createLog(told.config.logLevel);
  process.on('unhandledRejection', error => fail(log, error, 'a promise was forgotten; this is a bug'));
  process.on('uncaughtException', error => fail(log, error, 'an exception was not caught; this is a bug'));
  try {
    await main(told, log);
  } catch (error) {
    fail(log, error, 'nspawnd could not start');
  }
  setTimeout(() => void keepCode(true), HAS_WORKED_MS).unref();
}

interface Ready extends Told {
  readonly groups: Groups;
}

/** Numbers of those who may ask, by socket; null: nobody but root. */
interface Groups {
  readonly readGroupId: number | null;
  readonly writeGroupId: number | null;
}

async function readTold(keepCode: KeepCode): Promise<Ready> {
  try {
    const told = await readConfig(process.argv);
    const groups = await groupsOf(told);
    if (!told.isCheck) return { ...told, groups };
    process.stdout.write(`${told.file ?? 'no file of settings'}: in order\n`);
    await keepCode(false);
    process.exit(0);
  } catch (error) {
    complain(messageOf(error));
    process.exit(exitCodeOf(error));
  }
}

async function main({ config, file, groups }: Ready, log: Log): Promise<void> {
  const startedAt = performance.now();
  if (await hasOwnMounts('self'))
    log.error(
      'nspawnd has mounts of its own: guests are not given the networks that it makes; nspawnctl doctor',
    );
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
    ...groups,
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
      settings: file,
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

async function groupsOf({ config: { readGroup, writeGroup } }: Told): Promise<Groups> {
  const idOf = async (group: string | null) => {
    if (group === null) return null;
    const id = await groupId(group);
    if (id === null) throw new ConfigError([`there is no group ${group}: groupadd --system ${group}`]);
    return id;
  };
  return { readGroupId: await idOf(readGroup), writeGroupId: await idOf(writeGroup) };
}

function fail(log: Log, error: unknown, sentence: string): never {
  log.fatal({ err: error }, sentence);
  complain(messageOf(error));
  process.exit(exitCodeOf(error));
}

/** EX_CONFIG of sysexits.h: only a person can mend it, and the unit is not started again by itself. */
function exitCodeOf(error: unknown): number {
  return error instanceof ConfigError ? 78 : 1;
}

/** Each line is one of the journal's, an error among the others. */
function complain(message: string): void {
  const priority = process.env.JOURNAL_STREAM === undefined ? '' : '<3>';
  for (const line of message.split('\n')) process.stderr.write(`${priority}nspawnd: ${line}\n`);
}
