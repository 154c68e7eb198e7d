// Colours, or none: https://no-color.org, and FORCE_COLOR for logs that render them.

/** SGR codes: on, off. */
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  white: [97, 39],
  onBlack: [40, 49],
} as const;

type StyleName = keyof typeof codes;
export type Style = Readonly<Record<StyleName, (text: string) => string>>;
export type Environment = Readonly<Record<string, string | undefined>>;

const names = Object.keys(codes) as StyleName[];

export const plainStyle = styleFrom(() => (text) => text);

const colorStyle = styleFrom((name) => {
  const [on, off] = codes[name];
  return (text) => `\u001b[${on}m${text}\u001b[${off}m`;
});

export function createStyle(stream: { readonly isTTY?: boolean }, env: Environment): Style {
  return hasColors(stream, env) ? colorStyle : plainStyle;
}

/** FORCE_COLOR wins over NO_COLOR, as in Node itself; an empty variable counts as unset. */
function hasColors(stream: { readonly isTTY?: boolean }, env: Environment): boolean {
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return !env.NO_COLOR && env.TERM !== 'dumb' && stream.isTTY === true;
}

function styleFrom(paint: (name: StyleName) => (text: string) => string): Style {
  return Object.fromEntries(names.map((name) => [name, paint(name)])) as Style;
}
