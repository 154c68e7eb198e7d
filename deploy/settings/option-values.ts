// What people write in variables and files, as the value that an option takes. Throws what is wrong with it.
import type { Options } from 'yargs';

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  1: true,
  false: false,
  no: false,
  0: false,
};

/** Several values stand between commas. */
export function valueFromText(option: Options, text: string): unknown {
  if (option.array) return text.split(',').map((part) => oneFromText(option, part.trim()));
  return oneFromText(option, text);
}

export function valueFromJson(option: Options, value: unknown): unknown {
  if (option.array && Array.isArray(value)) return value.map((one) => oneFromJson(option, one));
  const one = oneFromJson(option, value);
  return option.array ? [one] : one;
}

function oneFromText(option: Options, text: string): unknown {
  switch (option.type) {
    case 'boolean':
      return truths[text.toLowerCase()] ?? refuse('true or false', text);
    case 'number': {
      const number = Number(text);
      return Number.isFinite(number) ? number : refuse('a number', text);
    }
    default:
      return chosen(option, text);
  }
}

function oneFromJson(option: Options, value: unknown): unknown {
  switch (option.type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse('true or false', value);
    case 'number':
      return typeof value === 'number' ? value : refuse('a number', value);
    default:
      // A text may look like a number: `"checkpoint-every": 500`.
      if (typeof value !== 'string' && typeof value !== 'number') refuse('a text', value);
      return chosen(option, String(value));
  }
}

function chosen({ choices }: Options, text: string): string {
  if (choices && !choices.includes(text)) refuse(`one of ${choices.join(', ')}`, text);
  return text;
}

function refuse(wanted: string, got: unknown): never {
  throw new Error(`expected ${wanted}, got ${JSON.stringify(got)}`);
}
