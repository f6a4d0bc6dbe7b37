import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tmux } from './tmux.ts';
import { sleeper, useWorld } from './world.ts';

/** The tab key, in a real terminal of each shell, as installed. */
const world = useWorld({ with: 'shells' });

/** What a shell is told first; bash finds the file by itself only where the package bash-completion is. */
const SHELLS = {
  bash: {
    start: "PS1='SHELL> ' bash --norc --noprofile",
    ready: '. /usr/share/bash-completion/completions/nspawnctl',
  },
  zsh: { start: "PS1='SHELL> ' zsh -f", ready: 'autoload -Uz compinit && compinit -u' },
  fish: { start: 'fish', ready: 'function fish_prompt; echo "SHELL> "; end' },
} as const;

for (const [shell, { start, ready }] of Object.entries(SHELLS))
  test(`${shell} completes commands, options, names and fields`, async () => {
    await world.drop('webserver', sleeper());
    await world.drop('database', sleeper());
    await world.untilReady('webserver', 'database');
    const terminal = await Tmux.open(world, shell);
    await terminal.type(start);
    await terminal.type(ready);
    await terminal.until(/^SHELL>/m);
    const check = async (line: string, expected: string) => {
      await terminal.write(line);
      await terminal.press('Tab');
      await terminal.until(new RegExp(`${expected.replaceAll('.', '\\.')}(?: |$)`, 'm'), 20_000);
      // Away with the line, and the next one on a clean screen.
      await terminal.press('C-c');
      await terminal.clear();
      await terminal.press('Enter');
    };
    await check('nspawnctl descr', 'nspawnctl describe');
    await check('nspawnctl describe web', 'nspawnctl describe webserver');
    await check('nspawnctl stop --time', 'nspawnctl stop --timeout');
    await check('nspawnctl version -o js', 'nspawnctl version -o json');
    await check('nspawnctl explain spec.restartP', 'nspawnctl explain spec.restartPolicy');

    // Several are offered, and none that stands there already.
    await terminal.write('nspawnctl stop ');
    await terminal.press('Tab', 'Tab');
    await terminal.until(/stop.*\n[\s\S]*(?:database[\s\S]*webserver|webserver[\s\S]*database)/);
    await terminal.press('C-c');

    // Without nspawnd there are no names, and no noise in the middle of a line.
    await world.sh('systemctl', 'stop', 'nspawnd');
    await terminal.clear();
    await terminal.press('Enter');
    await terminal.write('nspawnctl start web');
    await terminal.press('Tab');
    await terminal.write('X');
    await terminal.until(/nspawnctl start webX/);
    assert.doesNotMatch(await terminal.screen(), /not running|socket/);
    await world.sh('systemctl', 'start', 'nspawnd');
    await terminal.press('C-c');
    await terminal.close();
  });

test('what is installed is what the command prints', async () => {
  for (const [args, file] of [
    [['schema'], '/usr/share/nspawnd/container.schema.json'],
    [['completion', 'bash'], '/usr/share/bash-completion/completions/nspawnctl'],
    [['completion', 'zsh'], '/usr/share/zsh/vendor-completions/_nspawnctl'],
    [['completion', 'fish'], '/usr/share/fish/vendor_completions.d/nspawnctl.fish'],
  ] as const)
    assert.equal((await world.ctl(...args)).stdout, (await world.host.readFile(file)).trimEnd(), file);
});
