"""Writes the weighted mean of two exported derain files of one training line.

    python derain_average.py EARLIER LATER SHARE_OF_LATER OUT

A later stage may win on rain what it loses on dry photos; a mean of the weights
before and after it keeps most of both.
"""

import sys
from pathlib import Path

from derain_net import Derain, export, load


def main():
    earlier, later, share, out = sys.argv[1:]
    one, other = load(earlier).state_dict(), load(later).state_dict()
    net = Derain()
    net.load_state_dict({name: one[name].lerp(other[name], float(share)) for name in one})
    export(net, Path(out))


if __name__ == "__main__":
    main()
