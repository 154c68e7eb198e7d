// The entry of the evaluation thread: like tutti.js, it reads the TypeScript sources as they are.
import { register } from 'tsx/esm/api';

register();
await import('./evaluation-thread.ts');
