"""The kinds of label noise: each turns clean labels into noisy ones, with a known number of samples touched.

With ``y`` the clean label, ``ỹ`` the noisy one, ``C`` classes, ``N`` samples and ``K = round(rate · N)``:

================== ================================================================= ======================
kind               the noisy label                                                   how many ``ỹ ≠ y``
================== ================================================================= ======================
none               ``ỹ = y``                                                         0
unknown            the labels as they came, ``y`` is not known                       not known
symmetric          K samples: uniform over the other C − 1 classes                   exactly K
pair_flip          K samples: ``(y + 1) mod C``                                      exactly K
uniform            K samples: uniform over all C classes, ``y`` among them           Binomial(K, 1 − 1/C)
transition_matrix  ``P(ỹ = b | y = a) = matrix[a][b]``                               within C of its mean
instance           K samples, drawn by how hard they are                             exactly K
================== ================================================================= ======================

The K samples of symmetric, pair_flip and uniform are stratified (:func:`..clean_targets.draw_touched`).
transition_matrix is stratified by target: of the samples of class a, ``n_a · matrix[a][b]`` get label b, rounded down
or up at random. A kind is one function under :func:`hydra_steps.registry.decorators.noise`, in a file of this folder
or in a study's plug-in.
"""
