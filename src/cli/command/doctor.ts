import { readLimits } from '../../host/report/limits.ts';
import { readNetworkReport } from '../../host/report/network.ts';
import { readPlaces } from '../../host/report/places.ts';
import { readSoftware } from '../../host/report/software.ts';
import { productVersion } from '../../version.ts';
import { count } from '../../view/source-footer.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { Finding } from '../doctor/finding.ts';
import { type Daemon, judgeDaemon } from '../doctor/judge-daemon.ts';
import { judgeLimits } from '../doctor/judge-limits.ts';
import { judgeNetwork } from '../doctor/judge-network.ts';
import { judgePlaces } from '../doctor/judge-places.ts';
import { judgeSoftware } from '../doctor/judge-software.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { findingList, formatFindings } from '../view/findings.ts';
import { formatObject } from '../view/output.ts';

/** Where the manifests are when nobody says otherwise; the daemon knows better, where it answers. */
const MANIFESTS = '/etc/nspawnd/manifests';
const PROGRAM = '/usr/lib/nspawnd/nspawnd.mjs';
const SOCKETS = ['/run/nspawnd/nspawnd.sock', '/run/nspawnd/read.sock'];

/** `nspawnctl doctor`: whether this host is as nspawnd needs it; changes nothing, and needs no daemon. */
export async function doctor(
  { output }: { readonly output: 'table' | 'json' | 'yaml' },
  { client, terminal }: Context,
): Promise<ExitCode> {
  const [software, limits, network, daemon] = await Promise.all([
    readSoftware(),
    readLimits(),
    readNetworkReport(),
    ask(client),
  ]);
  const manifests = daemon.answers ? daemon.source.directory : MANIFESTS;
  const places = await readPlaces({ manifests, sockets: SOCKETS, program: PROGRAM });
  const isRoot = process.getuid?.() === 0;
  const isTrusted = daemon.answers && daemon.source.isHealthy;
  const findings = [
    ...judgeDaemon(daemon, places, productVersion()),
    ...judgePlaces(places, { isRoot, isTrusted, now: terminal.now() }),
    ...judgeSoftware(software),
    ...judgeLimits(limits),
    ...judgeNetwork(network),
  ];
  if (output === 'table') await terminal.out(formatFindings(findings, terminal.paint));
  else await terminal.out(await formatObject(findingList(findings), output));
  await terminal.err(`${summary(findings)}\n`);
  return findings.some(({ status }) => status === 'fail') ? EXIT.no : EXIT.done;
}

async function ask(client: Context['client']): Promise<Daemon> {
  try {
    const [{ gitVersion }, source] = await Promise.all([client.version(), client.source()]);
    return { answers: true, version: gitVersion.replace(/^v/, ''), source };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { answers: false, error: error.message, hint: error.hints.join('; ') };
  }
}

function summary(findings: readonly Finding[]): string {
  const of = (status: Finding['status']) => findings.filter(finding => finding.status === status).length;
  const [failures, warnings] = [of('fail'), of('warn')];
  if (failures + warnings === 0) return 'This host is as it should be.';
  return `${count(failures, 'failure')}, ${count(warnings, 'warning')}.`;
}
