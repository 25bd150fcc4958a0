#!/bin/sh
# Trains, measures and exports the models; see README.md.
set -eu
cd "$(dirname "$0")"
python derain_train.py --seed 7
python traffic_light_train.py --seed 11
python -m traffic_sign.train --seed 17
python -m traffic_sign.train --seed 19 --start ../models/traffic-sign.onnx --renders 12900 --epochs 6 --peak 5e-4
python speech_to_text/data.py speech_data.tmp
python speech_to_text/train.py speech_data.tmp --seed 17 --steps 24000 --minutes 300
python derain_evaluate.py
python traffic_light_evaluate.py
python -m traffic_sign.evaluate
python quantise.py
python quantise_evaluate.py
python speech_to_text/evaluate.py --write
python samples.py
python speech_to_text/samples.py
python speed.py
