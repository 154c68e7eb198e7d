import { receiveSteadily, type SteadyMemory } from '../shared/steady-receiver.ts';
import { UnmaskedWebSocket } from './unmasked-websocket.ts';

/** A WebSocket that receives without fresh memory. */
export function steadyWebSocket(memory: SteadyMemory) {
  return class extends UnmaskedWebSocket {
    override createSocket(...options: Parameters<UnmaskedWebSocket['createSocket']>) {
      const webSocket = super.createSocket(...options);
      webSocket.once('open', () => receiveSteadily(webSocket, memory));
      return webSocket;
    }
  };
}
