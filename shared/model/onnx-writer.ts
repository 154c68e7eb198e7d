// Writes an ONNX model file: the few protobuf messages of onnx.proto that a computation graph needs.
import { type Bytes, concat, float32, integer, message, text, varint } from '../protobuf.ts';
import type { NamedTensor } from '../safetensors.ts';

/** TensorProto.DataType. */
export const elementTypes = { float32: 1, uint8: 2, int64: 7 } as const;
export type ElementType = keyof typeof elementTypes;

/** An input or output of the graph. A string in the shape names a dimension that varies between runs. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
  /** Not one such tensor but a sequence of them. */
  readonly isSequence?: boolean;
  /** For whoever feeds or reads it. */
  readonly doc?: string;
}

/** A short vector stored in the file. */
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

/** Nodes come in an order in which they can run. */
export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly constants: readonly OnnxConstant[];
  /** Weights that are part of the file. */
  readonly initializers?: readonly NamedTensor[];
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValue[];
}

/** What a file says about itself. */
export interface OnnxDescription {
  readonly doc?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const irVersion = 8;
const opsetVersion = 13;

// Field numbers of onnx.proto, a constant for each message.
const modelProto = {
  irVersion: 1,
  producerName: 2,
  docString: 6,
  graph: 7,
  opsetImport: 8,
  metadataProps: 14,
};
const stringStringEntryProto = { key: 1, value: 2 };
const operatorSetIdProto = { version: 2 };
const graphProto = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const nodeProto = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 };
const attributeProto = { name: 1, i: 3, type: 20 };
const attributeTypeInt = 2;
const tensorProto = { dims: 1, dataType: 2, floatData: 4, int64Data: 7, name: 8, rawData: 9 };
const valueInfoProto = { name: 1, type: 2, docString: 3 };
const typeProto = { tensorType: 1, sequenceType: 4 };
const sequenceTypeProto = { elemType: 1 };
const tensorTypeProto = { elemType: 1, shape: 2 };
const tensorShapeProto = { dim: 1 };
const dimensionProto = { dimValue: 1, dimParam: 2 };

/** The bytes of a ModelProto (IR version 8, opset 13) with this graph. */
export function writeOnnxModel(
  graph: OnnxGraph,
  { doc, metadata = {} }: OnnxDescription = {},
): Uint8Array {
  return concat([
    integer(modelProto.irVersion, irVersion),
    text(modelProto.producerName, 'tutti'),
    ...(doc === undefined ? [] : [text(modelProto.docString, doc)]),
    message(modelProto.opsetImport, integer(operatorSetIdProto.version, opsetVersion)),
    message(modelProto.graph, ...graphFields(graph)),
    ...Object.entries(metadata).map(([key, value]) =>
      message(
        modelProto.metadataProps,
        text(stringStringEntryProto.key, key),
        text(stringStringEntryProto.value, value),
      ),
    ),
  ]);
}

function graphFields(graph: OnnxGraph): Bytes[] {
  const { name, nodes, constants, initializers = [], inputs, outputs } = graph;
  return [
    text(graphProto.name, name),
    ...nodes.map((node) => message(graphProto.node, ...nodeFields(node))),
    ...constants.map((each) => message(graphProto.initializer, ...constantFields(each))),
    ...initializers.map((each) => message(graphProto.initializer, ...initializerFields(each))),
    ...inputs.map((value) => message(graphProto.input, ...valueFields(value))),
    ...outputs.map((value) => message(graphProto.output, ...valueFields(value))),
  ];
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

/** Values as little-endian bytes, which every machine that runs tutti has in memory. */
function initializerFields({ name, shape, values }: NamedTensor): Bytes[] {
  return [
    ...shape.map((side) => integer(tensorProto.dims, side)),
    integer(tensorProto.dataType, elementTypes.float32),
    text(tensorProto.name, name),
    message(
      tensorProto.rawData,
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    ),
  ];
}

function valueFields({ name, type, shape, isSequence, doc }: OnnxValue): Bytes[] {
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
  return [
    text(valueInfoProto.name, name),
    message(
      valueInfoProto.type,
      isSequence
        ? message(typeProto.sequenceType, message(sequenceTypeProto.elemType, tensorType))
        : tensorType,
    ),
    ...(doc === undefined ? [] : [text(valueInfoProto.docString, doc)]),
  ];
}
