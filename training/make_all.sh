#!/bin/sh
# Trains, measures and exports both models; see README.md.
set -eu
cd "$(dirname "$0")"
python derain_train.py --seed 7
python traffic_light_train.py --seed 11
python derain_evaluate.py
python traffic_light_evaluate.py
python samples.py
python speed.py
