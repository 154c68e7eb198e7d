#!/usr/bin/env python3
"""The reference network in PyTorch, for its time: one process, or several under DistributedDataParallel over gloo.

    python3 test/bench/torch-speed.py --batch 64 --epochs 2 [--processes 2] [--seed 1]

--batch is that of all processes together; each has one thread. Prints a line of JSON an epoch: training time, and
the accuracy on the test images. `npm run bench -- --speed` and `--reach 0.98` run it beside tutti.
"""
import argparse
import json
import os
import socket
import time

import torch
from torch import distributed, multiprocessing, nn

from tutti_run import MNIST
from tutti_torch import accuracy_of, load_images

SHAPE = {'rows': 28, 'columns': 28, 'trainSamples': 60_000, 'testSamples': 10_000}
WIDTHS = [784, 400, 200, 100]


def build():
    layers = []
    for fan_in, fan_out in zip(WIDTHS, WIDTHS[1:]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTHS[-1], 10))


def train(rank, options, port):
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    network = build()
    model = network
    if options.processes > 1:
        os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
        distributed.init_process_group('gloo', rank=rank, world_size=options.processes)
        model = nn.parallel.DistributedDataParallel(network)
    images, labels = load_images(options.data, 'train', SHAPE)
    test = load_images(options.data, 'test', SHAPE)
    loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), 0.1)
    for epoch in range(1, options.epochs + 1):
        # The same order in each process, which takes its part of every batch.
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1000 * options.seed + epoch))
        started = time.perf_counter()
        model.train()
        for batch in order.split(options.batch):
            mine = batch[rank::options.processes]
            optimizer.zero_grad()
            loss_of(model(images[mine]), labels[mine]).backward()
            optimizer.step()
        seconds = time.perf_counter() - started
        if rank == 0:
            accuracy = accuracy_of(network, *test)
            print(json.dumps({'epoch': epoch, 'seconds': seconds, 'testAccuracy': accuracy}), flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', default=MNIST, help='folder with the four IDX files')
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--epochs', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--processes', type=int, default=1)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    if options.processes == 1:
        return train(0, options, port)
    multiprocessing.spawn(train, args=(options, port), nprocs=options.processes)


if __name__ == '__main__':
    main()
