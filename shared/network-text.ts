// A network in a few words.
import type { NetworkConfig } from './config.ts';

/** `784-400-200-100-10 relu` */
export function networkText({ shape, model }: NetworkConfig): string {
  const widths = [shape.rows * shape.columns, ...model.hidden, shape.classes];
  const extras = [
    ...(model.batchNorm ? ['batch norm'] : []),
    ...(model.dropout > 0 ? [`dropout ${model.dropout}`] : []),
  ];
  const added = extras.length > 0 ? ` with ${extras.join(' and ')}` : '';
  return `${widths.join('-')} ${model.activation}${added}`;
}
