import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { World } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';

const SOURCE = fileURLToPath(new URL('probe.cjs', import.meta.url));
const PLACE = '/usr/local/lib/nspawnd-probe.cjs';
const DROP_IN = '/etc/systemd/system/nspawnd.service.d/probe.conf';

/** What nspawnd holds after it has collected its garbage. */
export interface Measure {
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
}

/** The hand of the tests inside of the installed nspawnd; probe.cjs says what it can. */
export class Probe {
  readonly #world: World;
  #commands = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** From the next start of nspawnd on, which this is. */
  async install(): Promise<void> {
    const { host } = this.#world;
    await host.writeFile(PLACE, await readFile(SOURCE, 'utf8'));
    await host.exec(['mkdir', '-p', '/run/probe']);
    const lines = [
      '[Service]',
      `Environment=NODE_OPTIONS=--require=${PLACE}`,
      'ExecStartPre=/bin/mkdir -p /run/probe',
      // A daemon that is killed a hundred times is back at once.
      'RestartSec=50ms',
    ];
    await host.writeFile(DROP_IN, `${lines.join('\n')}\n`);
    await host.exec(['systemctl', 'daemon-reload']);
    await host.exec(['systemctl', 'restart', 'nspawnd']);
  }

  async killAfterStep(number: number): Promise<void> {
    await this.#command(`kill step ${number}`);
  }

  async killBeforeEffect(number: number): Promise<void> {
    await this.#command(`kill effect ${number}`);
  }

  async letLive(): Promise<void> {
    await this.#command('off');
  }

  async measure(): Promise<Measure> {
    await this.#command('measure');
    return JSON.parse(await this.#world.host.readFile('/run/probe/measure.json')) as Measure;
  }

  /** Returns when the nspawnd that runs has taken it. */
  async #command(text: string): Promise<void> {
    const { host } = this.#world;
    this.#commands += 1;
    const command = `${text} #${this.#commands}`;
    await host.writeFile('/run/probe/command', command, { inPlace: true });
    await eventually(
      async () => {
        const pid = await this.#world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
        // One that was just born has no handler yet, and would die of the signal.
        if ((await host.readFile('/run/probe/loaded')) !== pid) return false;
        await host.exec(['kill', '-USR2', pid]);
        return eventually(async () => (await host.readFile('/run/probe/answer')) === command, {
          timeoutMs: 5000,
          everyMs: 10,
        });
      },
      { timeoutMs: 60_000, describe: `nspawnd to take "${text}"` },
    );
  }
}
