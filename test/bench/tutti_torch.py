"""A run's network, optimizer, loss and images in PyTorch."""
import json
import struct
import sys

import numpy
import torch
from torch import nn

from tutti_run import read_images

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

ACTIVATIONS = {
    'none': [],
    'relu': [nn.ReLU],
    'tanh': [nn.Tanh],
    'sigmoid': [nn.Sigmoid],
    'gelu': [nn.GELU],
}


def build_network(config):
    """The nn.Sequential of the run, with PyTorch's own initial weights."""
    shape, network = config['shape'], config['model']
    if network['activation'] not in ACTIVATIONS:
        sys.exit(f'{network["activation"]} is not in the table of activations here: add it.')
    widths = [shape['rows'] * shape['columns'], *network['hidden']]
    layers = []
    for fan_in, fan_out in zip(widths, widths[1:]):
        layers.append(nn.Linear(fan_in, fan_out))
        if network['batchNorm']:
            layers.append(nn.BatchNorm1d(fan_out))
        layers += [kind() for kind in ACTIVATIONS[network['activation']]]
        if network['dropout'] > 0:
            layers.append(nn.Dropout(network['dropout']))
    return nn.Sequential(*layers, nn.Linear(widths[-1], shape['classes']))


def build_loss(config):
    return nn.CrossEntropyLoss(label_smoothing=config['loss']['labelSmoothing'])


def build_optimizer(parameters, rule):
    common = {'lr': rule['learningRate'], 'weight_decay': rule['weightDecay']}
    if rule['name'] == 'sgd':
        own = {'momentum': rule['momentum'], 'nesterov': rule['nesterov']}
        return torch.optim.SGD(parameters, **common, **own)
    adam = {'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW}[rule['name']]
    return adam(parameters, **common, betas=(rule['beta1'], rule['beta2']), eps=rule['epsilon'])


def load_images(folder, split, shape):
    """Scaled as tutti scales them, and their labels."""
    images, labels = read_images(folder, split, shape)
    scaled = (images.astype('float32') / 255 - 0.5) / 0.5
    return torch.from_numpy(scaled), torch.from_numpy(labels.astype('int64'))


def accuracy_of(network, images, labels):
    network.eval()
    with torch.no_grad():
        return (network(images).argmax(dim=1) == labels).double().mean().item()
