// The entry of the audit thread: like tutti.js, it reads the TypeScript sources as they are.
import { register } from 'tsx/esm/api';

register();
await import('./audit-thread.ts');
