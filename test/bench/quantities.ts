// Lines as people name them, for the flags of benchmarks.

/** `20mbit`, `1gbit` or `500kbit`, in bytes a second. */
export function parseRate(text: string): number {
  const [, amount, unit] = /^([\d.]+)([kmg])bit$/i.exec(text) ?? [];
  const bits = { k: 1e3, m: 1e6, g: 1e9 }[unit?.toLowerCase()];
  if (bits === undefined || !(Number(amount) > 0)) {
    throw new Error(`"${text}" is no rate; examples: 500kbit, 20mbit, 1gbit`);
  }
  return (Number(amount) * bits) / 8;
}

/** `50ms` or `0.2s`, in milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^([\d.]+)(ms|s)$/.exec(text) ?? [];
  if (!(Number(amount) >= 0)) throw new Error(`"${text}" is no time; examples: 50ms, 0.2s`);
  return Number(amount) * (unit === 's' ? 1000 : 1);
}
