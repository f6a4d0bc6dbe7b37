import { constants } from 'node:os';

import { Command, InvalidArgumentError, Option } from 'commander';

import { bootHost, findHost } from './boot-host.ts';
import { isStale, listHosts } from './host-record.ts';
import { EXTRAS, type Extra } from './recipes.ts';
import { defaultSuite, isSuite, type Suite, suites } from './suite.ts';
import { endHost } from './supervisor.ts';

const program = new Command('testbed')
  .description('Booted systemd hosts with nspawnd installed, to try things on. They stay until `down`.')
  .enablePositionalOptions();

program
  .command('up')
  .description('boot a host')
  .argument('<name>')
  .option('--suite <suite>', `the Debian version: ${suites.join(', ')}`, parseSuite, defaultSuite)
  .option('--no-start', 'leave nspawnd.service disabled')
  .addOption(new Option('--with <what>', 'what it has installed besides').choices(EXTRAS))
  .action(async (name: string, options: { suite: Suite; start: boolean; with?: Extra }) => {
    const startedAt = performance.now();
    const host = await bootHost({
      name,
      suite: options.suite,
      startService: options.start,
      ...(options.with === undefined ? {} : { with: options.with }),
      outlivesMe: true,
    });
    const systemd = (await host.exec(['systemctl', '--version'])).stdout.split(' ')[1];
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${name} is up after ${seconds} s: Debian ${options.suite}, systemd ${systemd}`);
    console.log(`  look inside:  npm run testbed -- exec ${name} -- bash`);
    console.log(`  end it:       npm run testbed -- down ${name}`);
  });

program
  .command('exec')
  .description('run a command in a host; input, output and exit status are those of the command')
  .argument('<name>')
  .argument('<command...>')
  .passThroughOptions()
  .action(async (name: string, command: readonly string[]) => {
    const host = await findHost(name);
    const result = await host.spawn(command, { stdio: 'inherit', reject: false, cleanup: true });
    process.exitCode = result.exitCode ?? 128 + constants.signals[result.signal ?? 'SIGKILL'];
  });

program
  .command('reboot')
  .description('reboot a host and wait until it is up again')
  .argument('<name>')
  .action(async (name: string) => {
    const host = await findHost(name);
    await host.reboot();
  });

program
  .command('down')
  .description('end a host and remove everything of it')
  .argument('<name>')
  .action(endHost);

program
  .command('list')
  .description('list the hosts')
  .action(async () => {
    for (const record of await listHosts()) {
      console.log([record.name, record.suite, isStale(record) ? 'stale' : 'up'].join('\t'));
    }
  });

function parseSuite(text: string): Suite {
  if (!isSuite(text)) throw new InvalidArgumentError(`It is one of: ${suites.join(', ')}.`);
  return text;
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
