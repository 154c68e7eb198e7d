#!/usr/bin/env python3
"""Trains again in PyTorch what whole runs of tutti trained, and compares what they reached.

    python3 test/bench/torch-accuracy.py runs/ID [runs/ID ...]

PyTorch trains with the settings of each run for as many epochs, from its own initial weights and in its own order
of the samples: not the same numbers, but as good ones. Runs that differ in nothing but the seed are
one line of the second table. Exit code 1 when a mean over the seeds differs by more than half a point.
"""
import argparse
import json
import sys
from statistics import mean

import torch

from tutti_run import MNIST, read_steps, recorded_accuracy
from tutti_torch import accuracy_of, build_loss, build_network, build_optimizer, load_images

TOLERANCE = 0.005


def train(config, images, labels):
    torch.manual_seed(config['seed'])
    network = build_network(config)
    optimizer = build_optimizer(network.parameters(), config['optimizer'])
    loss_of = build_loss(config)
    network.train()
    for _ in range(config['epochs']):
        for batch in torch.randperm(len(images)).split(config['batchSize']):
            optimizer.zero_grad()
            loss_of(network(images[batch]), labels[batch]).backward()
            optimizer.step()
    return network


def refuse_what_differs(config):
    rule, schedule = config['optimizer'], config['schedule']
    if schedule['name'] != 'constant' or schedule['warmupSteps'] > 0 or 'maxSteps' in config:
        sys.exit('Only whole epochs at a constant learning rate are compared.')
    if 'ema' in rule or 'clipNorm' in rule or config['dataset'] not in ('mnist', 'fashion-mnist'):
        sys.exit('Only plain optimizers on (Fashion-)MNIST are compared.')


def settings_of(config):
    """All but the seed, as one text."""
    return json.dumps({**config, 'seed': None}, sort_keys=True)


def title_of(config):
    network = config['model']
    widths = '-'.join(map(str, network['hidden']))
    batch_norm = ' batch norm' if network['batchNorm'] else ''
    dropout = f' dropout {network["dropout"]}' if network['dropout'] > 0 else ''
    return f'{widths} {network["activation"]}{batch_norm}{dropout}, {config["epochs"]} epochs'


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('runs', nargs='+', help='folders of finished runs')
    parser.add_argument('--data', default=MNIST, help='folder with the four IDX files')
    options = parser.parse_args()
    groups = {}
    print(f'test accuracy, tutti and PyTorch {torch.__version__}')
    for run in options.runs:
        config = read_steps(run)
        refuse_what_differs(config)
        network = train(config, *load_images(options.data, 'train', config['shape']))
        theirs = accuracy_of(network, *load_images(options.data, 'test', config['shape']))
        ours = recorded_accuracy(run)
        groups.setdefault(settings_of(config), []).append((config, ours, theirs))
        print(f'{title_of(config):48} seed {config["seed"]}  {ours:7.2%}  {theirs:7.2%}')
    print()
    worst = 0
    for results in groups.values():
        (config, *_), *_ = results
        ours, theirs = (mean(each[at] for each in results) for at in (1, 2))
        worst = max(worst, abs(ours - theirs))
        seeds = f'{len(results)} seeds'
        print(f'{title_of(config):48} {seeds:7} {ours:7.2%}  {theirs:7.2%}  {100 * (ours - theirs):+.2f} points')
    sys.exit(worst > TOLERANCE)


if __name__ == '__main__':
    main()
