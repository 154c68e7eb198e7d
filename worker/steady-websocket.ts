import { receiveSteadily, type SteadyMemory } from '../shared/steady-receiver.ts';
import type { UnmaskedWebSocket } from './unmasked-websocket.ts';

/** As `Base`, but it receives without fresh memory. */
export function steadyWebSocket(Base: typeof UnmaskedWebSocket, memory: SteadyMemory) {
  return class extends Base {
    override createSocket(...options: Parameters<UnmaskedWebSocket['createSocket']>) {
      const webSocket = super.createSocket(...options);
      webSocket.once('open', () => receiveSteadily(webSocket, memory));
      return webSocket;
    }
  };
}
