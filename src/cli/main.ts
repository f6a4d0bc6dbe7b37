import { run } from './run.ts';
import { openTerminal } from './terminal.ts';

/**
 * `nspawnctl`. The only file of this room with side effects. The exit code is set and the process left to end, so that
 * everything written arrives.
 */
process.exitCode = await run(process.argv.slice(2), openTerminal());
