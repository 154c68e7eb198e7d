// What a configuration may say about the optimizer: its name, and the options that it has, no others.
import * as v from 'valibot';
import type { OptimizerOptions } from '../contracts.ts';
import { optimizerNames, optimizers } from './index.ts';

type OptionName = keyof OptimizerOptions;

const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const fraction = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

const optionEntries = {
  momentum: v.optional(fraction),
  nesterov: v.optional(v.boolean()),
  weightDecay: v.optional(nonNegative),
  beta1: v.optional(fraction),
  beta2: v.optional(fraction),
  epsilon: v.optional(positive),
} satisfies Record<OptionName, v.GenericSchema>;

export const optimizerOptionNames = Object.keys(optionEntries) as OptionName[];

export const optimizerSchema = v.pipe(
  v.strictObject({
    name: v.picklist(optimizerNames),
    learningRate: nonNegative,
    ...optionEntries,
    clipNorm: v.optional(positive),
    ema: v.optional(fraction),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { value: input } = dataset;
    for (const key of optimizerOptionNames) {
      const value = input[key];
      const isGiven = value !== undefined;
      if (isGiven === hasOption(input.name, key)) continue;
      const message = isGiven ? strangeOption(input.name, key) : `${input.name} needs a value`;
      addIssue({ message, path: [{ type: 'object', origin: 'value', input, key, value }] });
    }
  }),
);

function hasOption(name: keyof typeof optimizers, option: OptionName): boolean {
  return option in optimizers[name].defaults;
}

function strangeOption(name: string, option: OptionName): string {
  const owners = optimizerNames.filter((owner) => hasOption(owner, option));
  return `it means nothing to ${name}, only to ${owners.join(' and ')}`;
}
