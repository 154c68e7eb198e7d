// The safetensors format (huggingface.co/docs/safetensors): the length of the header in eight
// bytes, a JSON header that places every tensor, then their values. Little-endian, like every
// machine that runs tutti.
import * as v from 'valibot';

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface NamedTensor extends Tensor {
  readonly name: string;
}

export interface Safetensors {
  /** In the order of the file's values. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const lengthBytes = 8;
/** The limit of the reference implementation. */
const maxHeaderBytes = 100_000_000;
const metadataName = '__metadata__';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.strictObject({
  dtype: v.string(),
  shape: v.array(count),
  data_offsets: v.tuple([count, count]),
});
const metadataSchema = v.record(v.string(), v.string());

/** Where the header says that a tensor is: from `begin` to `end` of the bytes after the header. */
interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Throws RangeError when a tensor does not fill its shape or a name comes twice. */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = new Map<string, unknown>([[metadataName, metadata]]);
  let end = 0;
  for (const { name, shape, values } of tensors) {
    if (header.has(name)) throw new RangeError(`two tensors are named ${name}`);
    if (values.length !== sizeOf(shape)) {
      throw new RangeError(`${name} has ${values.length} values and shape ${shapeText(shape)}`);
    }
    header.set(name, { dtype: 'F32', shape, data_offsets: [end, end + values.byteLength] });
    end += values.byteLength;
  }
  const json = asciiJson(Object.fromEntries(header));
  const text = json.padEnd(Math.ceil(json.length / 8) * 8);
  const bytes = new Uint8Array(lengthBytes + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  for (let at = 0; at < text.length; at++) bytes[lengthBytes + at] = text.charCodeAt(at);
  let at = lengthBytes + text.length;
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return bytes;
}

/**
 * Throws an Error that says what is wrong with the file. Values of other types become the
 * nearest float32.
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const { header, dataStart } = readHeader(bytes);
  const { [metadataName]: metadata = {}, ...named } = header;
  if (!v.is(metadataSchema, metadata)) refuse(`${metadataName} holds more than texts`);
  const entries = Object.entries(named).map(([name, entry]) => readEntry(name, entry));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, Tensor>();
  let placed = 0;
  for (const { name, dtype, shape, begin, end } of entries) {
    if (begin !== placed) refuse(`${name} begins at byte ${begin} instead of ${placed}`);
    const type = readers.get(dtype);
    if (type === undefined) return refuse(`${name} is ${dtype}, not ${readableTypes}`);
    if (end - begin !== sizeOf(shape) * type.bytes) {
      refuse(`${name} has ${end - begin} bytes, which is not ${dtype} of ${shapeText(shape)}`);
    }
    if (dataStart + end > bytes.length) refuse(`it ends within the values of ${name}`);
    // Copied, because a typed array starts at a multiple of its element's size.
    const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape, values: type.read(copy.buffer) });
    placed = end;
  }
  const left = bytes.length - dataStart - placed;
  if (left > 0) refuse(`${left} bytes at its end belong to no tensor`);
  return { tensors, metadata };
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < lengthBytes) refuse(`it has only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes) refuse(`its header would have ${headerBytes} bytes`);
  const dataStart = lengthBytes + headerBytes;
  if (dataStart > bytes.length) refuse('it ends within its header');
  let json: string;
  let header: unknown;
  try {
    json = utf8Text(bytes.subarray(lengthBytes, dataStart));
    header = JSON.parse(json);
  } catch (error) {
    return refuse(`its header is not JSON (${error instanceof Error ? error.message : error})`);
  }
  if (!json.startsWith('{')) refuse('its header is not a JSON object');
  const twice = duplicateKey(json);
  if (twice !== undefined) refuse(`${twice} comes twice in its header`);
  return { header: header as Record<string, unknown>, dataStart };
}

function readEntry(name: string, entry: unknown): Entry {
  const parsed = v.safeParse(entrySchema, entry);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    return refuse(`${v.getDotPath(issue) ?? 'the entry'} of ${name}: ${issue.message}`);
  }
  const { dtype, shape, data_offsets } = parsed.output;
  const [begin, end] = data_offsets;
  return { name, dtype, shape, begin, end };
}

/** JSON.parse keeps the last of two equal keys without a word. `json` is known to be valid. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, text, colon] of json.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key = String(JSON.parse(text));
      if (open.at(-1)?.has(key)) return key;
      open.at(-1)?.add(key);
    }
  }
  return undefined;
}

interface Reader {
  readonly bytes: number;
  read(buffer: ArrayBuffer): Float32Array;
}

const readers: ReadonlyMap<string, Reader> = new Map([
  ['F32', { bytes: 4, read: (buffer) => new Float32Array(buffer) }],
  ['F64', { bytes: 8, read: (buffer) => Float32Array.from(new Float64Array(buffer)) }],
  ['F16', { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), float16) }],
  ['BF16', { bytes: 2, read: (buffer) => bfloat16(new Uint16Array(buffer)) }],
  // PyTorch's counts: batch norm saves how many batches it has seen.
  ['I64', { bytes: 8, read: (buffer) => Float32Array.from(new BigInt64Array(buffer), Number) }],
]);

const readableTypes = [...readers.keys()].join(' or ');

/** The upper halves of float32 values. */
function bfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
}

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 2 ** 10;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/**
 * decodeURIComponent is the one UTF-8 decoder of plain ECMAScript, and throws on what is not UTF-8.
 */
function utf8Text(bytes: Uint8Array): string {
  let encoded = '';
  for (const byte of bytes) {
    const isPlain = byte < 0x80 && byte !== percent;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return decodeURIComponent(encoded);
}

const percent = '%'.charCodeAt(0);

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1);
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function refuse(reason: string): never {
  throw new Error(`the safetensors file cannot be read: ${reason}`);
}
