#!/usr/bin/env python3
"""Trains again in PyTorch what a short run of tutti trained, and compares the weights.

    npx tutti train --max-steps 20 --no-shuffle --seed 4 --engine onnx
    python3 test/bench/torch-compare.py runs/ID

Needs PyTorch; with --batch-norm, train with --shards 1. Both start from the run's first checkpoint, or from
--init FILE.
Exit code 1 when a tensor differs by more than 1e-5 of its largest value. Seed 4 is one from which
no ReLU sees less than 1.7e-6 on the way by engine onnx: nearer to zero, rounding alone may put it on the other
side, and then both are right and 1e-3 apart.
"""
import argparse
import os
import sys

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tutti_run import MNIST, read_steps
from tutti_torch import build_loss, build_network, build_optimizer, load_file, load_images

TOLERANCE = 1e-5


def train(model, images, labels, config):
    """Returns the number of steps and the state dict that tutti would save."""
    batch, rule = config['batchSize'], config['optimizer']
    batches = [slice(at, at + batch) for at in range(0, len(images), batch)]
    steps = min(config.get('maxSteps', sys.maxsize), len(batches) * config['epochs'])
    optimizer = build_optimizer(model.parameters(), rule)
    decay = rule.get('ema', 0)
    average = AveragedModel(model, avg_fn=lambda mean, new, _: decay * mean + (1 - decay) * new)
    loss_of = build_loss(config)
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
    if config['model']['dropout'] > 0:
        sys.exit('PyTorch drops out other values: train without --dropout.')
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
    config = read_steps(options.run)
    refuse_what_differs(config)
    first = os.path.join(options.run, 'checkpoints', '000000000', 'model.safetensors')
    init = options.init or first
    if not os.path.exists(init):
        sys.exit(f'{init} is gone: name the weights that the run started from with --init FILE.')

    model = build_network(config)
    model.load_state_dict(load_file(init), strict=True)
    images, labels = load_images(options.data, 'train', config['shape'])
    steps, expected = train(model, images, labels, config)
    found = load_file(os.path.join(options.run, 'model.safetensors'))
    build_network(config).load_state_dict(found, strict=True)

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
