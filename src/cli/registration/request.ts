import { VERBS, type Verb } from '../../server/protocol.ts';
import { nameArgument, type Register, spanOption } from '../command-line.ts';

/** The verbs that are asked for and then waited for. */
export const registerRequests: Register = (program, act) => {
  for (const verb of VERBS) {
    program
      .command(verb)
      .addArgument(nameArgument('<name...>', 'containers'))
      .description(DESCRIPTION[verb])
      .option('--no-wait', 'do not wait until it has happened')
      .addOption(spanOption('--timeout <span>', 'how long to wait', 300_000, '5m'))
      .action(
        act(async (context, names: string[], options: { wait: boolean; timeout: number }) => {
          const { request } = await import('../command/request.ts');
          return request(verb, names, { wait: options.wait, timeoutMs: options.timeout }, context);
        }),
      );
  }
};

const DESCRIPTION: Readonly<Record<Verb, string>> = {
  start: 'start containers and wait until they are ready',
  stop: 'stop containers and wait until they are down; they stay down until started, edited or the host boots',
  restart: 'restart containers and wait until they are ready again',
  terminate: 'end containers at once, without a clean power-off; they stay down as after a stop',
};
