// Writes an ONNX model file: the few protobuf messages of onnx.proto that a computation graph needs.

/** TensorProto.DataType. */
export const elementTypes = { float32: 1, uint8: 2, int64: 7 } as const;
export type ElementType = keyof typeof elementTypes;

/** An input or output of the graph. A string in the shape names a dimension that varies between runs. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A vector stored in the file. */
export interface OnnxConstant {
  readonly name: string;
  readonly type: 'float32' | 'int64';
  readonly values: readonly number[];
}

/** One operation, named after its output. Attributes are integers: no operator in use has another kind. */
export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, number>>;
}

/** Names are ASCII. Nodes come in an order in which they can run. */
export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValue[];
}

const irVersion = 8;
const opsetVersion = 13;

// Field numbers of onnx.proto, a constant for each message.
const modelProto = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8 };
const operatorSetIdProto = { version: 2 };
const graphProto = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const nodeProto = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 };
const attributeProto = { name: 1, i: 3, type: 20 };
const attributeTypeInt = 2;
const tensorProto = { dims: 1, dataType: 2, floatData: 4, int64Data: 7, name: 8 };
const valueInfoProto = { name: 1, type: 2 };
const typeProto = { tensorType: 1 };
const tensorTypeProto = { elemType: 1, shape: 2 };
const tensorShapeProto = { dim: 1 };
const dimensionProto = { dimValue: 1, dimParam: 2 };

/** The bytes of a ModelProto (IR version 8, opset 13) with this graph. */
export function writeOnnxModel(graph: OnnxGraph): Uint8Array {
  return Uint8Array.from([
    ...integer(modelProto.irVersion, irVersion),
    ...text(modelProto.producerName, 'tutti'),
    ...message(modelProto.opsetImport, integer(operatorSetIdProto.version, opsetVersion)),
    ...message(
      modelProto.graph,
      text(graphProto.name, graph.name),
      ...graph.nodes.map((node) => message(graphProto.node, ...nodeFields(node))),
      ...graph.constants.map((each) => message(graphProto.initializer, ...constantFields(each))),
      ...graph.inputs.map((value) => message(graphProto.input, ...valueFields(value))),
      ...graph.outputs.map((value) => message(graphProto.output, ...valueFields(value))),
    ),
  ]);
}

function nodeFields({ operator, inputs, output, attributes }: OnnxNode): Bytes[] {
  return [
    ...inputs.map((name) => text(nodeProto.input, name)),
    text(nodeProto.output, output),
    text(nodeProto.name, output),
    text(nodeProto.opType, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      message(
        nodeProto.attribute,
        text(attributeProto.name, name),
        integer(attributeProto.i, value),
        integer(attributeProto.type, attributeTypeInt),
      ),
    ),
  ];
}

function constantFields({ name, type, values }: OnnxConstant): Bytes[] {
  return [
    integer(tensorProto.dims, values.length),
    integer(tensorProto.dataType, elementTypes[type]),
    type === 'float32'
      ? message(tensorProto.floatData, ...values.map(float32))
      : message(tensorProto.int64Data, ...values.map(varint)),
    text(tensorProto.name, name),
  ];
}

function valueFields({ name, type, shape }: OnnxValue): Bytes[] {
  const dimensions = shape.map((side) =>
    message(
      tensorShapeProto.dim,
      typeof side === 'string'
        ? text(dimensionProto.dimParam, side)
        : integer(dimensionProto.dimValue, side),
    ),
  );
  const tensorType = message(
    typeProto.tensorType,
    integer(tensorTypeProto.elemType, elementTypes[type]),
    message(tensorTypeProto.shape, ...dimensions),
  );
  return [text(valueInfoProto.name, name), message(valueInfoProto.type, tensorType)];
}

// Protobuf's wire format: a field is a tag (its number and a wire type), then the value. Plain arrays of
// bytes are enough, because a file is a few kilobytes and written once.
type Bytes = readonly number[];
const wireTypeVarint = 0;
const wireTypeLengthDelimited = 2;

function integer(field: number, value: number): Bytes {
  return [...tag(field, wireTypeVarint), ...varint(value)];
}

/** Also a packed repeated field, whose parts are its values. */
function message(field: number, ...parts: readonly Bytes[]): Bytes {
  const body = parts.flat();
  return [...tag(field, wireTypeLengthDelimited), ...varint(body.length), ...body];
}

function text(field: number, ascii: string): Bytes {
  return message(
    field,
    Array.from(ascii, (character) => character.charCodeAt(0)),
  );
}

function tag(field: number, wireType: number): Bytes {
  return varint(field * 8 + wireType);
}

/** An int64, seven bits a byte, lowest first. A negative one takes the ten bytes of its two's complement. */
function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) + 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

function float32(value: number): Bytes {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  return Array.from(new Uint8Array(view.buffer));
}
