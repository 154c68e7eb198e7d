#!/usr/bin/env python3
"""Opens in PyTorch what a run of tutti trained, and evaluates it there.

    python3 test/bench/torch-load.py runs/ID
    python3 test/bench/torch-load.py runs/ID --write back.safetensors

Needs PyTorch; uses the package safetensors where it is installed. What --write writes,
`tutti train --init` takes. Exit code 1 when the accuracy on the test images is further from the one
that the run recorded than two images in 10,000.
"""
import argparse
import os
import sys

import torch

from tutti_run import ACCURACY_TOLERANCE, MNIST, read_config, recorded_accuracy
from tutti_torch import accuracy_of, build_network, load_file, load_images, save_file


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('run', help='folder of the run')
    parser.add_argument('--data', default=MNIST, help='folder with the four IDX files')
    parser.add_argument('--write', metavar='FILE', help='write the state dict back as .safetensors')
    options = parser.parse_args()
    config = read_config(options.run)

    model = build_network(config)
    path = os.path.join(options.run, 'model.safetensors')
    model.load_state_dict(load_file(path), strict=True)
    print(model)
    if options.write:
        save_file(model.state_dict(), options.write)
        print(f'Wrote {options.write}. Start from it: tutti train --init {options.write}')
    images, labels = load_images(options.data, 'test', config['shape'])
    accuracy = accuracy_of(model, images, labels)
    recorded = recorded_accuracy(options.run)
    print(f'accuracy in PyTorch {torch.__version__} on {len(labels):,} images: {accuracy:.4f}')
    print(f'accuracy that the run recorded: {recorded:.4f}')
    sys.exit(abs(accuracy - recorded) > ACCURACY_TOLERANCE)


if __name__ == '__main__':
    main()
