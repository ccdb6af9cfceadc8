import type { Command } from 'commander';
import type { Cli } from '../terminal/cli.js';
import { steerAction, steeringCommand } from '../terminal/steering.js';

export function register(program: Command, cli: Cli): void {
  steeringCommand(program, {
    name: 'pause',
    summary: 'a run starts nothing new',
    description: 'A run starts nothing new (chunks, methods, steps of a fit); what workers have begun is finished.',
    examples: ['', '--json'],
  }).action(steerAction(cli, 'pauseUpdate'));
}
