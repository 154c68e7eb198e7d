// Makes any picture look like one of MNIST: light ink on a dark ground, in a frame of fixed size.

/** Brightness, row by row, from 0 to 255. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** As data sets hold them and engines take them. */
export function pixelsOf({ values }: Picture): Uint8Array {
  return new Uint8Array(values.map(Math.round));
}

/** Most of the border is ground: a light border means dark ink, and turns the picture over. */
export function lightOnDark(picture: Picture): Picture {
  if (groundOf(picture) < 128) return picture;
  return { ...picture, values: picture.values.map((value) => 255 - value) };
}

function groundOf({ rows, columns, values }: Picture): number {
  const border = [...values.subarray(0, columns), ...values.subarray(-columns)];
  for (let row = 0; row < rows; row++) {
    border.push(values[row * columns], values[(row + 1) * columns - 1]);
  }
  border.sort((a, b) => a - b);
  return border[Math.floor(border.length / 2)];
}

/** Less than this between ground and ink is a blank page, whose noise would become the digit. */
const leastContrast = 16;

/** A scan has grey paper and pale ink; MNIST has 0 and 255. */
function withFullContrast(picture: Picture): Picture | undefined {
  const ground = groundOf(picture);
  const contrast = picture.values.reduce((peak, value) => Math.max(peak, value), 0) - ground;
  if (contrast < leastContrast) return undefined;
  const stretch = (value: number) => Math.max(0, ((value - ground) * 255) / contrast);
  return { ...picture, values: picture.values.map(stretch) };
}

/**
 * The ink scaled to 20 of 28 rows or columns, with its centre of mass at the frame's pixel
 * (14, 14): where it is, on average to 0.01, in the 60,000 training images of MNIST.
 * Undefined when there is no ink.
 */
export function frameInk(original: Picture, rows: number, columns: number): Picture | undefined {
  const picture = withFullContrast(original);
  if (picture === undefined) return undefined;
  const box = inkBox(picture);
  const scale = Math.min((rows * 20) / 28 / box.rows, (columns * 20) / 28 / box.columns);
  const ink = resize(picture, box, {
    rows: Math.max(1, Math.round(box.rows * scale)),
    columns: Math.max(1, Math.round(box.columns * scale)),
  });
  const centre = centreOfMass(ink);
  const top = clamp(Math.round(rows / 2 - centre.row), rows - ink.rows);
  const left = clamp(Math.round(columns / 2 - centre.column), columns - ink.columns);
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < ink.rows; row++) {
    const line = ink.values.subarray(row * ink.columns, (row + 1) * ink.columns);
    values.set(line, (top + row) * columns + left);
  }
  return { rows, columns, values };
}

interface Box {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

/** Fainter than this is the grain of the paper, not ink. */
const faintestInk = 16;

function inkBox({ columns, values }: Picture): Box {
  let [top, left, bottom, right] = [Infinity, Infinity, 0, 0];
  values.forEach((value, at) => {
    if (value < faintestInk) return;
    const [row, column] = [Math.floor(at / columns), at % columns];
    top = Math.min(top, row);
    bottom = Math.max(bottom, row + 1);
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
  });
  return { top, left, rows: bottom - top, columns: right - left };
}

/** Each new pixel is the mean of the area that it covers. */
function resize(picture: Picture, box: Box, size: Pick<Picture, 'rows' | 'columns'>): Picture {
  const values = new Float64Array(size.rows * size.columns).map((_, at) => {
    const [row, column] = [Math.floor(at / size.columns), at % size.columns];
    return areaMean(picture, {
      top: box.top + (row * box.rows) / size.rows,
      left: box.left + (column * box.columns) / size.columns,
      rows: box.rows / size.rows,
      columns: box.columns / size.columns,
    });
  });
  return { ...size, values };
}

function areaMean(picture: Picture, area: Box): number {
  const bottom = Math.min(picture.rows, area.top + area.rows);
  const right = Math.min(picture.columns, area.left + area.columns);
  let sum = 0;
  for (let row = Math.floor(area.top); row < bottom; row++) {
    const height = Math.min(row + 1, bottom) - Math.max(row, area.top);
    for (let column = Math.floor(area.left); column < right; column++) {
      const width = Math.min(column + 1, right) - Math.max(column, area.left);
      sum += height * width * picture.values[row * picture.columns + column];
    }
  }
  return sum / (area.rows * area.columns);
}

function centreOfMass({ columns, values }: Picture): { row: number; column: number } {
  let [mass, rowMoment, columnMoment] = [0, 0, 0];
  values.forEach((value, at) => {
    mass += value;
    rowMoment += value * Math.floor(at / columns);
    columnMoment += value * (at % columns);
  });
  return { row: rowMoment / mass, column: columnMoment / mass };
}

function clamp(value: number, largest: number): number {
  return Math.max(0, Math.min(largest, value));
}
