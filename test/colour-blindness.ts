// How far apart two colours are to different eyes.

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/**
 * What eyes without one kind of cones make of linear sRGB: Machado, Oliveira and Fernandes, "A physiologically-based model
 * for simulation of color vision deficiency", 2009, severity 1. And those with all of them.
 */
const eyes: readonly Matrix[] = [
  [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
];

/** CIE 1976, to whoever tells the two apart worst. Colours as `#1d5fa8`. */
export function leastDifference(one: string, other: string): number {
  const differences = eyes.map((eye) => {
    const [a, b] = [one, other].map((colour) => labOf(times(eye, linearOf(colour))));
    return Math.hypot(...a.map((value, at) => value - b[at]));
  });
  return Math.min(...differences);
}

function linearOf(colour: string): Triple {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return [red, green, blue];
}

const toXyz: Matrix = [
  [0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505],
  [0.2126, 0.7152, 0.0722],
  [0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089],
];

/** Relative to the white point D65. */
function labOf(linear: Triple): Triple {
  const clamped = linear.map((value) => Math.min(1, Math.max(0, value)));
  const [x, y, z] = times(toXyz, [clamped[0], clamped[1], clamped[2]]).map((value) =>
    value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116,
  );
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function times(matrix: Matrix, [a, b, c]: Triple): Triple {
  const [first, second, third] = matrix.map(([p, q, r]) => p * a + q * b + r * c);
  return [first, second, third];
}
