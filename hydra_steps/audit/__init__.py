"""From labels with unknown mistakes to better ones: which method to trust, which labels to look at, how many are wrong.

Wrong labels are planted into copies of the training data, so that something is known of them: how well each method
finds them, and what share of them stands how far up in its ranking. The labels as they came are then judged by that.
Imports no torch.
"""
