/** `50ms` or `0.2s`, in milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^([\d.]+)(ms|s)$/.exec(text) ?? [];
  if (!(Number(amount) >= 0)) throw new Error(`"${text}" is no time; examples: 50ms, 0.2s`);
  return Number(amount) * (unit === 's' ? 1000 : 1);
}
