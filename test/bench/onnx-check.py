#!/usr/bin/env python3
"""Asks ONNX's own checker about an exported model, and ONNX's own reference implementation for its answers.

    python3 test/bench/onnx-check.py runs/ID

Needs the packages onnx, 1.13 or later, and numpy. Takes a run, or a file made by `tutti runs export`. Exit code 1 when the
checker refuses the file, when the inferred shapes are not the declared ones, or when the accuracy on
the test images is further from the one that the run recorded than two images in 10,000.
"""
import argparse
import os
import sys

import numpy
import onnx

try:
    from onnx.reference import ReferenceEvaluator
except ImportError:
    sys.exit(f'onnx {onnx.__version__} has no reference implementation: it needs 1.13 or later, pip install onnx')

from tutti_run import ACCURACY_TOLERANCE, MNIST, read_config, read_images, recorded_accuracy

# What a file from elsewhere is asked about.
ALL_IMAGES = {'testSamples': None, 'rows': 28, 'columns': 28}


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


def test_accuracy(model, folder, shape):
    """Of ONNX's reference implementation."""
    images, labels = read_images(folder, 'test', shape)
    logits, probabilities = ReferenceEvaluator(model).run(None, {'images': images})
    sums = probabilities.sum(axis=1, dtype=numpy.float64)
    if abs(sums - 1).max() > 1e-5:
        sys.exit(f'The probabilities of an image add up to {sums.max()}.')
    return (logits.argmax(axis=1) == labels).mean().item()


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
    shape = read_config(options.model)['shape'] if is_run else ALL_IMAGES
    accuracy = test_accuracy(model, options.data, shape)
    print(f'accuracy of the ONNX reference implementation: {accuracy:.4f}')
    if is_run:
        recorded = recorded_accuracy(options.model)
        print(f'accuracy that the run recorded:                {recorded:.4f}')
        sys.exit(abs(accuracy - recorded) > ACCURACY_TOLERANCE)


if __name__ == '__main__':
    main()
