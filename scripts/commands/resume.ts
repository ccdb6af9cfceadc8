import type { Command } from 'commander';
import type { Cli } from '../terminal/cli.js';
import { steerAction, steeringCommand } from '../terminal/steering.js';

export function register(program: Command, cli: Cli): void {
  steeringCommand(program, {
    name: 'resume',
    summary: 'a paused run goes on',
    description: 'A paused run goes on.',
    examples: ['', '--json'],
  }).action(steerAction(cli, 'resumeUpdate'));
}
