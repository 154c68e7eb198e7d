import type { ExportFormat, TrainedNetwork } from '../contracts.ts';
import { modelToTensors } from '../model/state-dict.ts';
import { encodeSafetensors } from '../safetensors.ts';

/** The state dict of the same nn.Sequential, as load_state_dict takes it. */
export const safetensors = {
  title: 'PyTorch state dict',
  suffix: '.safetensors',
  encode({ model, weights, run }: TrainedNetwork): Uint8Array {
    const metadata = { format: 'pt', ...(run !== undefined && { run }) };
    return encodeSafetensors(modelToTensors(model, weights), metadata);
  },
} satisfies ExportFormat;
