"""The 43 classes of the German traffic sign benchmark: drawn, learnt and measured."""
