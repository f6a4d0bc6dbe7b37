import type { CreateArguments } from '../command/create.ts';
import { hiddenOption, type Register } from '../command-line.ts';

export const registerCreate: Register = (program, act) => {
  program
    .command('create')
    .argument('<name>', 'what to call it')
    .description('write the manifest of a new container; it is started only when you say so')
    .option('--root <dir>', 'directory of its OS tree (with a Nix system: of its state)')
    .option('--path <path>', 'a system closure made by Nix, or a link to one')
    .addOption(hiddenOption('--system-path <path>'))
    .option('--config <text>', 'a NixOS configuration')
    .option('--config-file <file>', 'a file with a NixOS configuration')
    .option('--flake <ref>', 'a flake with its nixosConfigurations, REF or REF#ATTR')
    .option(
      '--host-address <ip>',
      "the host's end of its link; a free pair of addresses when neither is given",
    )
    .option('--local-address <ip>', "the guest's end")
    .option('--host-network', "share the host's network instead")
    .option('--ensure-unique-name', 'append the first number that makes the name free: NAME-0, NAME-1, ...')
    .option('--auto-start', 'start it now and whenever the host boots')
    .option('--no-auto-start', 'start it only by hand (the default)')
    .addOption(hiddenOption('--bridge <link>'))
    .addOption(hiddenOption('--port <mapping>'))
    .action(
      act(async (context, name: string, options: CreateArguments) => {
        const { create } = await import('../command/create.ts');
        return create(name, options, context);
      }),
    );
};
