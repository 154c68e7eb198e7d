// The registry of export formats: a new one is a file here and a line below.
import type { ExportFormat } from '../contracts.ts';
import { onnx } from './onnx.ts';
import { safetensors } from './safetensors.ts';
import { tfjs } from './tfjs.ts';

export const exportFormats = {
  onnx,
  tfjs,
  safetensors,
} satisfies Record<string, ExportFormat>;

export type ExportName = keyof typeof exportFormats;
export const exportNames = Object.keys(exportFormats) as ExportName[];
