import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import type { Bench } from './bench.ts';
import { activeSince, type Contender, now, POLL_MS, showTimes } from './contender.ts';
import { measureInTurn } from './in-turn.ts';
import { nspawnd } from './nspawnd.ts';
import { rawJoining } from './raw.ts';
import { table } from './report.ts';

/**
 * From a kill -9 of nspawn to READY again, less the backoff. Raw nspawn cannot come back by systemd's Restart= (the
 * registration outlives it as long as the unit is held), so it is given an ideal supervisor: the time its unit takes to
 * end, and the time the next start takes.
 */
export async function measureCrashes(bench: Bench): Promise<string> {
  const { host } = bench;
  const contenders = [
    rawJoining(host, 'systemd-nspawn in a prepared namespace'),
    rawJoining(host, 'the same again (noise)'),
    nspawnd(host),
  ];
  const [rows = []] = await measureInTurn(bench, contenders, ['ready'], async (contender, name) => {
    const unit = contender.unit(name);
    await untilActive(host, unit, await contender.start(name));
    const { stdout: pid } = await host.exec(['systemctl', 'show', '-P', 'MainPID', unit]);
    const begin = now();
    const killedAt = Date.now();
    await host.exec(['kill', '-9', pid]);
    const waited = contender.startAgain === undefined ? await backoffOf(host, name, killedAt) : 0;
    const idle =
      contender.startAgain === undefined ? 0 : await idleUntilStartedAgain(host, contender, name, begin);
    return [(await untilActive(host, unit, begin)) - begin - waited - idle];
  });
  return table('crash to READY again, less the backoff', rows);
}

/** Starts it again once its unit has ended, and answers how long nothing happened in between. */
async function idleUntilStartedAgain(
  host: Host,
  contender: Contender,
  name: string,
  after: number,
): Promise<number> {
  const unit = contender.unit(name);
  const ended = await eventually(
    async () => {
      const { times } = await showTimes(host, unit, ['InactiveEnterTimestamp']);
      return (times[0] ?? 0) > after ? (times[0] ?? 0) : null;
    },
    { timeoutMs: 60_000, everyMs: POLL_MS, describe: `${unit} to end` },
  );
  return ((await contender.startAgain?.(name)) ?? ended) - ended;
}

async function untilActive(host: Host, unit: string, after: number): Promise<number> {
  const { activeAt } = await eventually(() => activeSince(host, unit, after), {
    timeoutMs: 60_000,
    everyMs: POLL_MS,
    describe: `${unit} to be active`,
  });
  return activeAt;
}

/** The wait that was drawn for the first failure, from nspawnd's own log: how long after the kill the next try was due. */
async function backoffOf(host: Host, name: string, killedAt: number): Promise<number> {
  const due = await eventually(
    async () => {
      const { stdout } = await host.exec(['journalctl', '-u', 'nspawnd', '-o', 'cat', '--no-pager']);
      const line = stdout
        .split('\n')
        .findLast(entry => entry.includes(`"key":"${name}"`) && entry.includes('recordFailure'));
      return /next try at (\S+Z)/.exec(line ?? '')?.[1];
    },
    { timeoutMs: 60_000, describe: `the backoff of ${name} in the log` },
  );
  return Date.parse(due) - killedAt;
}
