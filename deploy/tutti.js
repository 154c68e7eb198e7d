#!/usr/bin/env node
// The only JavaScript here: from now on this process reads the TypeScript sources as they are.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('./cli.ts');
await main();
