// Label smoothing as PyTorch's CrossEntropyLoss(label_smoothing=s) defines it (Szegedy et al. 2016).

/** What the network is trained to answer. */
export interface Targets {
  /** The probability of the label: 1 - s + s / classes. */
  readonly label: number;
  /** That of every other class: s / classes. */
  readonly other: number;
}

export function smoothTargets(labelSmoothing: number, classes: number): Targets {
  const other = labelSmoothing / classes;
  return { label: 1 - labelSmoothing + other, other };
}
